package import Core
import FoundationEssentials
package import Vault

/// Opaque list cursors, bound to the clinic and to the list they came from.
///
/// A cursor is base64url of a 16-byte MAC and the position; one that was made for another clinic, filter or sort is
/// refused as a bad parameter.
package struct CursorSeal: Sendable {
    static let macLength = 16
    let index: BlindIndex

    package init(_ index: BlindIndex) { self.index = index }

    /// `list` names operation, filters and sort; `position` is the key of the last item shown.
    package func seal(_ position: [String], list: String, clinic: ClinicID) -> String {
        let text = position.joined(separator: "\u{1F}")
        let bytes = mac(text, list, clinic) + Array(text.utf8)
        return Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing(
            "=",
            with: ""
        )
    }

    /// The position; throws 422 for anything `seal` did not make for this list and clinic.
    package func open(_ cursor: String?, list: String, clinic: ClinicID) throws(Problem) -> [String]? {
        guard let cursor else { return nil }
        var text = cursor.replacing("-", with: "+").replacing("_", with: "/")
        while !text.utf8.count.isMultiple(of: 4) { text += "=" }
        guard let data = Data(base64Encoded: text), data.count >= Self.macLength,
            let position = String(validating: data.dropFirst(Self.macLength), as: UTF8.self),
            Self.equal(Array(data.prefix(Self.macLength)), mac(position, list, clinic))
        else {
            throw .invalid([Problem.Fault(parameter: "cursor", "is not a cursor of this list")])
        }
        return position.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
    }

    private func mac(_ text: String, _ list: String, _ clinic: ClinicID) -> [UInt8] {
        Array(index.token("\(list)\u{0}\(text)", purpose: "cursor", clinic: clinic).prefix(Self.macLength))
    }

    private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

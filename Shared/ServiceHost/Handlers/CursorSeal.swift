import Contracts
package import Core
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
        return Base64URL.encode(mac(text, list, clinic) + Array(text.utf8))
    }

    /// The position; throws 422 for anything `seal` did not make for this list and clinic.
    package func open(_ cursor: String?, list: String, clinic: ClinicID) throws(Problem) -> [String]? {
        guard let cursor else { return nil }
        guard let bytes = Base64URL.decode(cursor), bytes.count >= Self.macLength,
            let position = String(validating: bytes.dropFirst(Self.macLength), as: UTF8.self),
            constantTimeEqual(bytes.prefix(Self.macLength), mac(position, list, clinic))
        else {
            throw .invalid([Problem.Fault(parameter: "cursor", "is not a cursor of this list")])
        }
        return position.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
    }

    private func mac(_ text: String, _ list: String, _ clinic: ClinicID) -> [UInt8] {
        Array(index.token("\(list)\u{0}\(text)", purpose: "cursor", clinic: clinic).prefix(Self.macLength))
    }
}

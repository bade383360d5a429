import Contracts
import Core
import Vault

/// Links by which providers fetch the files of messages: they say which, until when, and that it was us who said so.
struct MediaLinks: Sendable {
    /// Providers fetch at once; what they cannot deliver at once they have fetched by then.
    static let lifetime: Duration = .seconds(7_200)
    private static let purpose = "media link"
    private static let path = "\(RouteTable.base)/public/media/"
    private static let idLength = 16
    private static let macLength = 32

    let blindIndex: BlindIndex
    /// Where the suite is reached from outside; without it there are no links.
    let publicURL: String

    /// What a link leads to.
    struct Target: Sendable, Equatable {
        var message: MessageID
        /// Of the file among the message's.
        var place: Int
    }

    /// `nil` where nobody could follow it.
    func url(of message: MessageID, _ place: Int, _ clinic: ClinicID, at now: Instant) -> String? {
        guard !publicURL.isEmpty else { return nil }
        return "\(publicURL)\(Self.path)\(clinic)/\(token(of: message, place, clinic, at: now))"
    }

    func token(of message: MessageID, _ place: Int, _ clinic: ClinicID, at now: Instant) -> String {
        let until = UInt64((now + Self.lifetime).seconds)
        let body = message.bytes + [UInt8(place)] + (0..<8).map { UInt8(truncatingIfNeeded: until >> (56 - 8 * $0)) }
        return Base64URL.encode(body + mac(body, clinic))
    }

    /// `nil` for what is no link of ours for this clinic, or not any more.
    func open(_ token: String, _ clinic: ClinicID, at now: Instant) -> Target? {
        guard let bytes = Base64URL.decode(token), bytes.count == Self.idLength + 9 + Self.macLength else { return nil }
        let body = Array(bytes.dropLast(Self.macLength))
        guard constantTimeEqual(mac(body, clinic), Array(bytes.suffix(Self.macLength))),
            let message = MessageID(bytes: body.prefix(Self.idLength))
        else { return nil }
        let until = body.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard now.seconds < Int64(until) else { return nil }
        return Target(message: message, place: Int(body[Self.idLength]))
    }

    private func mac(_ body: [UInt8], _ clinic: ClinicID) -> [UInt8] {
        Array(blindIndex.token(body.hex, purpose: Self.purpose, clinic: clinic).prefix(Self.macLength))
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Vault

/// Links by which recipients end messages of a category; they hold for good.
///
/// A link's token is the clinic's id and, sealed under the clinic's data key, whom and what it is about, with a MAC over both: a
/// token that is not ours is told apart without asking the database.
struct UnsubscribeLinks: Sendable {
    private static let purpose = "unsubscribe link"
    private static let macLength = 16
    private static let idLength = 16
    private static let path = "\(RouteTable.base)/public/unsubscribe/"

    let dataKeys: DataKeyStore
    let blindIndex: BlindIndex
    /// Where the suite is reached from outside; without it there are no links.
    let publicURL: String

    /// Whom a link is for and what it ends.
    struct Target: Sendable, Equatable {
        var address: ChannelAddress
        var category: MessageCategory
    }

    /// The clinic of a token, and what is still sealed.
    struct Token: Sendable, Equatable {
        var clinic: ClinicID
        fileprivate var sealed: [UInt8]
    }

    /// `nil` where nobody could follow it.
    func link(for target: Target, with sealer: ClinicSealer) throws -> String? {
        publicURL.isEmpty ? nil : publicURL + Self.path + (try token(for: target, with: sealer))
    }

    func token(for target: Target, with sealer: ClinicSealer) throws -> String {
        let text = [target.address.channel.rawValue, target.category.rawValue, target.address.text]
            .joined(separator: "\u{1F}")
        let body = sealer.clinic.bytes + (try sealer.seal(Array(text.utf8), purpose: Self.purpose, record: "link"))
        return Base64URL.encode(body + mac(body, sealer.clinic))
    }

    /// `nil` for what is no token of ours.
    func read(_ text: String) -> Token? {
        guard let bytes = Base64URL.decode(text), bytes.count > Self.idLength + Self.macLength,
            let clinic = ClinicID(bytes: bytes.prefix(Self.idLength))
        else { return nil }
        let body = Array(bytes.dropLast(Self.macLength))
        guard constantTimeEqual(mac(body, clinic), Array(bytes.suffix(Self.macLength))) else { return nil }
        return Token(clinic: clinic, sealed: Array(body.dropFirst(Self.idLength)))
    }

    /// What a token is about, in a transaction that was opened for its clinic.
    func open(_ token: Token, in tx: borrowing Transaction) throws -> Target? {
        let sealer = try dataKeys.sealer(for: token.clinic, in: tx)
        let plain = try sealer.open(token.sealed, purpose: Self.purpose, record: "link")
        let parts = String(decoding: plain, as: UTF8.self).split(separator: "\u{1F}", maxSplits: 2).map(String.init)
        guard parts.count == 3, let channel = MessageChannel(rawValue: parts[0]),
            let category = MessageCategory(rawValue: parts[1]), let address = ChannelAddress(channel, parts[2])
        else { return nil }
        return Target(address: address, category: category)
    }

    private func mac(_ body: [UInt8], _ clinic: ClinicID) -> [UInt8] {
        Array(blindIndex.token(body.hex, purpose: Self.purpose, clinic: clinic).prefix(Self.macLength))
    }
}

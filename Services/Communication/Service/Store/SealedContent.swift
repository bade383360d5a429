import CommunicationAPI
import Contracts
import Core
import ProviderConfig

/// What of a message is sealed at rest: whom it goes to and what it says.
struct SealedContent: Codable, Sendable, Equatable {
    private static let purpose = "message"

    var email: EmailAddress?
    var replyTo: EmailAddress?
    var subject: String?
    var text: String
    var html: String?

    func seal(for id: MessageID, with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: id.description)
    }

    static func open(_ sealed: [UInt8], of id: MessageID, with sealer: ClinicSealer) throws -> SealedContent {
        let plain = try sealer.open(sealed, purpose: purpose, record: id.description)
        return try JSONTape(plain).decode(SealedContent.self)
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What of an inbound message is sealed at rest.
struct InboundContent: Codable, Sendable, Equatable {
    private static let purpose = "inbound message"

    var text: String
    var media: [InboundText.Media]
    /// Of an e-mail.
    var subject: String?
    /// No person wrote it.
    var isAutomatic: Bool?
    /// How many further files there were.
    var leftOut: Int?

    init(_ text: InboundText) {
        self.init(text: text.text, media: text.media)
        subject = text.subject
        leftOut = text.leftOut > 0 ? text.leftOut : nil
        isAutomatic = text.isAutomatic ? true : nil
    }

    init(text: String, media: [InboundText.Media]) {
        self.text = text
        self.media = media
    }

    func seal(for id: InboundMessageID, with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: id.description)
    }

    static func open(_ sealed: [UInt8], of id: InboundMessageID, with sealer: ClinicSealer) throws -> InboundContent {
        try JSONTape(try sealer.open(sealed, purpose: purpose, record: id.description)).decode(InboundContent.self)
    }
}

import AccessAPI
import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What somebody is to be told about their account.
///
/// On its way here its secret was sealed between access and us; waiting, it is sealed under the clinic's data key.
struct SecurityNotice: Codable, Sendable, Equatable {
    private static let purpose = "security notice"
    /// Stands for a clinic's name where the installation itself speaks.
    private static let installationName = "Polyclinic"

    var id: NoticeID
    var template: String
    var locale: String?
    var expiresAt: Instant
    var sealed: RawBody

    /// Takes over what access has sealed for us in an event of the clinic.
    ///
    /// Throws `EdgeSealError` when it is not for this clinic, notice and template.
    init(_ requested: NoticeRequested, clinic: ClinicID, seal: EdgeSeal, sealer: ClinicSealer) throws {
        let place = NoticeRequested.place(of: requested.id, requested.template, in: clinic)
        let content = try seal.open(requested.sealed.bytes, for: place)
        id = requested.id
        template = requested.template.rawValue
        locale = requested.locale
        expiresAt = requested.expiresAt
        sealed = RawBody(try sealer.seal(content, purpose: Self.purpose, record: requested.id.description))
    }

    /// The message, once the clinic's name is known; a `Problem` when it would come too late.
    func draft(at now: Instant, sealer: ClinicSealer, in tx: borrowing Transaction) throws -> MessageDraft {
        guard expiresAt > now else { throw Problem.gone("notice_expired", "The notice would come too late.") }
        let known = try ProjectionStore.clinicName(in: tx)
        guard let clinic = tx.tenant?.clinic == .installation ? Self.installationName : known else {
            throw NotYetKnown()
        }
        let plain = try sealer.open(sealed.bytes, purpose: Self.purpose, record: id.description)
        let content = try JSONTape(plain).decode(NoticeContent.self)
        var data = content.data
        data["clinicName"] = .string(clinic)
        return MessageDraft(
            to: RecipientDraft(email: content.email, phone: content.phone),
            channels: content.channels?.compactMap { MessageChannel(rawValue: $0.rawValue) },
            template: template,
            data: data,
            locale: locale,
            priority: .critical,
            category: .security,
            expiresAt: expiresAt,
            reference: "notice:\(id)"
        )
    }
}

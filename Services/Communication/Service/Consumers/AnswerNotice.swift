import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What somebody is answered who has written a command.
struct AnswerNotice: Codable, Sendable, Equatable {
    /// What the times to choose from are called in a template.
    private static let places = [("firstDate", "firstTime"), ("secondDate", "secondTime"), ("thirdDate", "thirdTime")]

    /// The message that it answers.
    var question: InboundMessageID
    var template: String
    var visit: VisitNotice?
    /// Local times to choose from: `YYYY-MM-DDTHH:MM`.
    var offers: [String]
    /// The time that was chosen was gone.
    var isTaken: Bool
    /// What it confirms, where the question was about messages themselves.
    var confirms: OptOutConfirmation?
    /// The language of the question's words; `nil` where they are of several.
    var language: String?
    /// When the question was written, where that is known: it may have been told of late.
    var writtenAt: Instant?

    static func help(_ question: InboundMessageID) -> AnswerNotice {
        AnswerNotice(question: question, template: BuiltInTemplates.help, visit: nil, offers: [], isTaken: false)
    }

    static func confirmation(
        of confirmed: OptOutConfirmation,
        _ question: InboundMessageID,
        in language: String?,
        writtenAt: Instant
    ) -> AnswerNotice {
        AnswerNotice(
            question: question,
            template: confirmed.template,
            visit: nil,
            offers: [],
            isTaken: false,
            confirms: confirmed,
            language: language,
            writtenAt: writtenAt
        )
    }

    /// Until when somebody whose question came at a moment is answered, at the latest.
    func expiry(askedAt: Instant, at now: Instant) -> Instant {
        switch confirms {
        case .stop: min(askedAt, writtenAt ?? askedAt) + AnswerRules.stopConfirmationTime
        case .start, nil: now + AnswerRules.answerTime
        }
    }

    /// The message, once everybody it names is known.
    ///
    /// - Parameter asked: when the question came.
    func draft(
        to address: ChannelAddress,
        _ contacts: [ContactID],
        asked: Instant,
        at now: Instant,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> MessageDraft {
        guard let clinic = try ProjectionStore.clinicName(in: tx) else { throw NotYetKnown() }
        var data = try visit?.data(sealer: sealer, in: tx) ?? [:]
        data["clinicName"] = .string(clinic)
        if let phone = try ProjectionStore.clinicPhone(in: tx) { data["clinicPhone"] = .string(phone.number) }
        if isTaken { data["taken"] = true }
        for (offer, place) in zip(offers, Self.places) {
            let (date, time) = VisitNotice.parts(of: offer)
            (data[place.0], data[place.1]) = (.string(date), .string(time))
        }
        var recipient = RecipientDraft(patientId: visit?.patient)
        // Their language is known where the address is one person's.
        if visit == nil, contacts.count == 1 { recipient.contactId = contacts.first }
        switch address.channel {
        case .email: recipient.email = EmailAddress(address.text)
        case .sms, .whatsapp:
            recipient.phone = PhoneNumber(address.text)
            recipient.whatsAppUserId = WhatsAppUserID(address.text)
        case .push: break
        }
        return MessageDraft(
            to: recipient,
            channels: [address.channel],
            template: template,
            data: data,
            category: .care,
            expiresAt: expiry(askedAt: asked, at: now),
            reference: visit.map { "appointment:\($0.appointment)" }
        )
    }
}

extension AnswerNotice {
    init(_ answered: VisitCommandAnswered) {
        let template = AnswerRules.template(for: answered.result)
        self.init(
            question: answered.commandId,
            template: template,
            visit: answered.appointment.map { VisitNotice($0, template: template) },
            offers: answered.offers.map(\.localStart),
            isTaken: answered.result == .taken
        )
    }
}

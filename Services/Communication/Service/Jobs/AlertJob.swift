import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Postgres
import Telemetry

/// Makes messages of an alert, one for everybody it is routed to.
struct AlertJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let alert: AlertKind
        let subject: String
        let at: Instant
    }

    static let name = "alerts.tell"
    /// Stands for the clinic's name until that is known.
    static let installationName = "Polyclinic"
    /// Later it would be no alert.
    static let lifetime: Duration = .seconds(24 * 3_600)

    let intake: MessageIntake
    let log: Logger

    func run(_ alerts: [Payload], in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw JobFailure.permanent("no_clinic") }
        let routes = try AlertStore.find(dataKeys: intake.dataKeys, in: tx).routes
        let sender = MessageIntake.Sender(clinic: clinic, actor: "system", now: .now())
        let terms = try intake.terms(of: clinic, in: tx)
        let name = try ProjectionStore.clinicName(in: tx) ?? Self.installationName
        let zone = try ProjectionStore.clinicTimeZone(in: tx)
        let tally = AcceptedTally()
        for alert in alerts {
            for recipient in routes.first(where: { $0.alert == alert.alert })?.to ?? [] {
                do {
                    let draft = Self.draft(alert, to: recipient, of: name, in: zone)
                    _ = try intake.accept(draft, from: sender, on: terms, tally: tally, in: tx)
                } catch let problem as Problem {
                    // Nothing is written, and the others are told.
                    log.warning(
                        "An alert was not sent",
                        metadata: .fields([.reason: problem.code, .aggregate: "alert:\(alert.alert.rawValue)"])
                    )
                }
            }
        }
        tally.tell()
    }

    private static func draft(
        _ alert: Payload,
        to recipient: AlertRecipient,
        of clinic: String,
        in zone: TimeZoneName?
    ) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: recipient.email, phone: recipient.phone),
            channels: recipient.channels,
            template: BuiltInTemplates.adminAlert,
            data: AlertRules.data(alert.alert, about: alert.subject, at: alert.at, in: zone, of: clinic),
            priority: .critical,
            category: AlertRules.category,
            expiresAt: alert.at + lifetime,
            reference: "alert:\(alert.alert.rawValue)"
        )
    }
}

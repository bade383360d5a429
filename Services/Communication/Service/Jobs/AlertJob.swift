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
    /// Later it would be no alert.
    static let lifetime: Duration = .seconds(24 * 3_600)
    /// Stands for a clinic's name where it is not known, or where the installation itself speaks.
    private static let installationName = "Polyclinic"

    let intake: MessageIntake
    let log: Logger

    func run(_ alerts: [Payload], in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic else { throw JobFailure.permanent("no_clinic") }
        let routes = try AlertStore.find(dataKeys: intake.dataKeys, in: tx).routes
        let sender = MessageIntake.Sender(clinic: clinic, actor: "system", now: .now())
        let configured = try intake.configuredChannels(clinic, in: tx)
        let tally = AcceptedTally()
        let name = try ProjectionStore.clinicName(in: tx) ?? Self.installationName
        for alert in alerts {
            for recipient in routes.first(where: { $0.alert == alert.alert })?.to ?? [] {
                do {
                    let draft = Self.draft(alert, of: name, to: recipient)
                    _ = try intake.accept(draft, from: sender, channels: configured, tally: tally, in: tx)
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

    private static func draft(_ alert: Payload, of clinic: String, to recipient: AlertRecipient) -> MessageDraft {
        let content = AlertRules.content(alert.alert, about: alert.subject, at: alert.at)
        return MessageDraft(
            to: RecipientDraft(email: recipient.email, phone: recipient.phone),
            channels: recipient.channels,
            template: BuiltInTemplates.adminAlert,
            data: [
                "clinicName": .string(clinic), "alert": .string(content.title), "details": .string(content.details),
            ],
            priority: .critical,
            category: .security,
            expiresAt: alert.at + lifetime,
            reference: "alert:\(alert.alert.rawValue)"
        )
    }
}

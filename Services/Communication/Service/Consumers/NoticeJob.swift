import Contracts
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Resilience
import Telemetry

/// What a patient is to be told.
enum Notice: Codable, Sendable, Equatable {
    case visit(VisitNotice)
    case receipt(ReceiptNotice)

    /// What it stands for in lists and logs.
    var reference: String {
        switch self {
        case .visit(let visit): "appointment:\(visit.appointment)"
        case .receipt(let receipt): "invoice:\(receipt.invoice)"
        }
    }
}

/// Makes a message of a notice, once everything it needs to say has arrived.
struct NoticeJob: JobHandler {
    static let name = "messages.notice"
    /// The patient's own event may come after the visit's.
    static let retry = RetryPolicy(
        attempts: 40,
        base: .milliseconds(500),
        cap: .seconds(300),
        floor: .milliseconds(100)
    )

    let intake: MessageIntake
    let wake: WakeSignal

    func run(_ notice: Notice, _ job: JobContext) async throws {
        let intake = intake
        let sender = MessageIntake.Sender(clinic: job.clinic, actor: "system", now: .now())
        let outcome = try await job.finish { tx -> String? in
            do {
                let sealer = try intake.dataKeys.sealer(for: sender.clinic, in: tx)
                let draft =
                    switch notice {
                    case .visit(let visit): try visit.draft(at: sender.now, sealer: sealer, in: tx)
                    case .receipt(let receipt): try receipt.draft(sealer: sealer, in: tx)
                    }
                let configured = try intake.configuredChannels(sender.clinic, in: tx)
                _ = try intake.accept(draft, from: sender, channels: configured, in: tx)
                return nil
            } catch let problem as Problem {
                return problem.code
            }
        }
        guard let outcome else { return wake.signal() }
        job.log.notice("A notice was not sent", metadata: .fields([.reason: outcome, .aggregate: notice.reference]))
    }
}

/// An event that the notice needs has not arrived yet.
struct NotYetKnown: Error {}

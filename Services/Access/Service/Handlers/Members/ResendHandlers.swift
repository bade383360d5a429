import Authorization
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// Hears which services have lost what they keep of others.
struct ResendHandlers: Sendable {
    let parts: AccessParts

    func register(in table: inout HandlerTable) {
        table.steps(PolicyEndpoints().askResend) { ask, context in
            let tenant = Tenant(.installation, actor: "system:\(ask.service.rawValue)")
            let verdict = try await parts.database.transaction(for: tenant) { tx in
                let verdict = try ResendAskStore.take(ask, at: context.now, in: tx)
                // The question and the job that sees to it commit together.
                if verdict == .new { _ = try Jobs.enqueue(OrderResends.self, payload: ask, lane: .bulk, in: tx) }
                return verdict
            }
            guard verdict != .tooMany else {
                throw Problem(
                    429,
                    "too_many_asks",
                    "The service has asked too often.",
                    retryable: true,
                    retryAfter: Int(ResendAskStore.window.components.seconds)
                )
            }
            return Reply(EmptyOutput())
        }
    }
}

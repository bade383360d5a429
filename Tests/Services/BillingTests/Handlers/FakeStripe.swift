import BillingAPI
import Core
import Crypto
import Logging
import Outbound
import ProviderConfig
import Synchronization

@testable import Billing

/// Stripe as far as payments go, in memory; signatures are checked by the real provider.
final class FakeStripe: PaymentProvider {
    enum Fault: Sendable { case loseReply, refuse, down }

    struct Intent: Sendable {
        var payment: ProviderPayment
        var begun = 1
    }

    struct State {
        var intents: [String: Intent] = [:]
        var byKey: [String: String] = [:]
        /// By secret key; each fault is used once.
        var faults: [String: [Fault]] = [:]
        var next = 0
    }

    let name = "stripe"
    var shape: CredentialShape { real.shape }
    let state = Mutex(State())
    private let real: StripePaymentProvider

    init() throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        real = StripePaymentProvider(http: OutboundHTTP(policy: try OutboundPolicy(allow: nil), logger: log))
    }

    func begin(_ order: PaymentOrder, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer {
        state.withLock { state in
            let key = entry.credentials.text("secretKey") ?? ""
            let fault = state.faults[key]?.first
            if fault != nil { state.faults[key]?.removeFirst() }
            if case .refuse = fault { return .refused("amount_too_small") }
            if case .down = fault { return .transient("connect") }
            let id = state.byKey[order.idempotencyKey] ?? "pi_\(order.payment.description.replacing("-", with: ""))"
            if state.byKey[order.idempotencyKey] != nil {
                state.intents[id]?.begun += 1
            } else {
                state.byKey[order.idempotencyKey] = id
                state.intents[id] = Intent(
                    payment: ProviderPayment(
                        id: id,
                        status: .pending,
                        amount: order.amount,
                        received: 0,
                        paymentID: order.payment,
                        clientSecret: Secret("\(id)_secret_x")
                    )
                )
            }
            if case .loseReply = fault { return .unknown("lost_closed") }
            return state.intents[id].map { .payment($0.payment) } ?? .transient("connect")
        }
    }

    func read(_ id: String, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer {
        state.withLock { state in state.intents[id].map { .payment($0.payment) } ?? .refused("resource_missing") }
    }

    func notice(
        _ body: [UInt8],
        headers: [String: String],
        of entry: ProviderEntry,
        at now: Instant
    ) throws(Problem) -> ProviderNotice {
        try real.notice(body, headers: headers, of: entry, at: now)
    }

    /// The payer confirms; `amount` is what then arrives.
    func pay(_ id: String, amount: Int64? = nil) {
        state.withLock { state in
            guard let payment = state.intents[id]?.payment else { return }
            state.intents[id]?.payment = ProviderPayment(
                id: id,
                status: .succeeded,
                amount: payment.amount,
                received: amount ?? payment.amount.amount,
                paymentID: payment.paymentID,
                clientSecret: payment.clientSecret
            )
        }
    }

    func fail(_ faults: [Fault], for secretKey: String) { state.withLock { $0.faults[secretKey] = faults } }

    /// How often the intent was begun, repetitions included.
    func calls(_ id: String) -> Int { state.withLock { $0.intents[id]?.begun ?? 0 } }

    /// A notice's body and its signature header.
    static func notice(
        _ event: String,
        about id: String,
        payment: String,
        secret: String,
        at now: Instant = .now()
    ) -> (body: [UInt8], header: String) {
        let body = Array(
            #"{"id":"\#(event)","object":"event","type":"payment_intent.succeeded","data":{"object":{"id":"\#(id)","metadata":{"payment_id":"\#(payment)"}}}}"#
                .utf8
        )
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(now.seconds).".utf8) + body,
            using: SymmetricKey(data: Array(secret.utf8))
        )
        return (body, "t=\(now.seconds),v1=\(Array(code).hex)")
    }
}

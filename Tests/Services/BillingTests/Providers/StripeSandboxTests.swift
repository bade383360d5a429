import BillingAPI
import Contracts
import Core
import Logging
import Outbound
import ProviderConfig
import Sandbox
import Synchronization
import Testing

@testable import Billing

/// The provider over HTTP against the sandbox's Stripe, which refuses what the real one refuses.
@Suite(.timeLimit(.minutes(1)), .serialized) struct StripeSandboxTests {
    private static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let port = Mutex<Task<Int, any Error>?>(nil)

    /// The sandbox's port; it serves until the process ends.
    private static func sandbox() async throws -> Int {
        try await port.withLock { started in
            if let started { return started }
            let (ports, continuation) = AsyncStream<Int>.makeStream()
            Task {
                try await SandboxService.run(SandboxSettings(), log: log) { continuation.yield($0.http) }
            }
            let task = Task<Int, any Error> {
                for await port in ports { return port }
                throw CancellationError()
            }
            started = task
            return task
        }.value
    }

    private let http: OutboundHTTP
    private let stripe: StripePaymentProvider

    init() throws {
        http = OutboundHTTP(policy: try OutboundPolicy(allow: "loopback"), logger: Self.log)
        stripe = StripePaymentProvider(http: http)
    }

    private func entry(_ key: String, port: Int) -> ProviderEntry {
        ProviderEntry(
            id: ProviderEntryID(),
            channel: "payments",
            provider: "stripe",
            position: 0,
            credentials: Credentials([
                "secretKey": .string(key), "publishableKey": "pk_test_1", "webhookSecret": "whsec_1",
                "endpoint": .string("http://127.0.0.1:\(port)/stripe/"),
            ]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "",
            formerSecrets: []
        )
    }

    private func order() throws -> PaymentOrder {
        PaymentOrder(
            clinic: ClinicID(),
            payment: PaymentID(),
            amount: Money(amount: 1_999, currency: try #require(Currency("EUR"))),
            returnURL: nil
        )
    }

    private func payment(_ answer: ProviderAnswer) throws -> ProviderPayment {
        guard case .payment(let payment) = answer else {
            Issue.record("\(answer)")
            throw CancellationError()
        }
        return payment
    }

    @Test func beginsOncePerKeyAndReadsWhatWasPaid() async throws {
        let port = try await Self.sandbox()
        let (account, order) = (entry("sk_test_\(ClinicID())", port: port), try order())
        let first = try payment(await stripe.begin(order, with: account, deadline: .after(.seconds(10))))
        let second = try payment(await stripe.begin(order, with: account, deadline: .after(.seconds(10))))
        #expect(first.id == second.id && first.status == .pending && first.amount == order.amount)
        #expect(first.paymentID == order.payment && first.clientSecret != nil)
        let paid = try await http.send(
            method: "POST",
            url: "http://127.0.0.1:\(port)/payments/\(first.id)/pay",
            body: Array("{}".utf8),
            deadline: .after(.seconds(10))
        )
        #expect(paid.status == 200)
        let after = try payment(await stripe.read(first.id, with: account, deadline: .after(.seconds(10))))
        #expect(after.status == .succeeded && after.received == 1_999)
    }

    @Test func aLostReplyIsUnknownAndTheKeyFindsItAgain() async throws {
        let port = try await Self.sandbox()
        let (account, order) = (entry("sk_test_\(ClinicID())", port: port), try order())
        let fault = try await http.send(
            method: "PUT",
            url: "http://127.0.0.1:\(port)/faults/stripe",
            headers: [("Content-Type", "application/json")],
            body: Array(#"{"kind":"lost_reply","times":1}"#.utf8),
            deadline: .after(.seconds(10))
        )
        #expect(fault.status < 300)
        let lost = await stripe.begin(order, with: account, deadline: .after(.seconds(10)))
        guard case .unknown = lost else {
            Issue.record("\(lost)")
            return
        }
        let found = try payment(await stripe.begin(order, with: account, deadline: .after(.seconds(10))))
        #expect(found.paymentID == order.payment)
    }

    @Test func wrongKeysAndUnknownIntents() async throws {
        let port = try await Self.sandbox()
        let refused = await stripe.begin(
            try order(),
            with: entry("nonsense", port: port),
            deadline: .after(.seconds(10))
        )
        guard case .credentials = refused else {
            Issue.record("\(refused)")
            return
        }
        let account = entry("sk_test_\(ClinicID())", port: port)
        let missing = await stripe.read("pi_missing", with: account, deadline: .after(.seconds(10)))
        #expect(missing == .refused("resource_missing"))
        #expect(
            await stripe.read("../balance", with: account, deadline: .after(.seconds(10))) == .refused("malformed_id")
        )
    }

    @Test func nothingIsSentWhereThePolicyDoesNotAllow() async throws {
        let strict = StripePaymentProvider(http: OutboundHTTP(policy: try OutboundPolicy(allow: nil), logger: Self.log))
        let answer = await strict.begin(try order(), with: entry("sk_test_1", port: 9), deadline: .after(.seconds(5)))
        #expect(answer == .transient("policy"))
    }
}

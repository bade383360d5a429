import Authorization
import Bus
import Contracts
import Core
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// Webhooks of providers that nobody has configured end at the gateway; no true one does.
@Suite(.timeLimit(.minutes(2))) struct WebhookPairTests {
    /// A service that takes the webhooks of configured providers.
    private final class Desk: Sendable {
        private struct State {
            var readable: [String] = []
            var providers: [ClinicID: [String]] = [:]
            var taken = 0
        }

        private let state = Mutex(State())
        /// What is answered in place of whose webhooks are taken.
        private let answersInstead: RequestServer.Answer?

        init(answering instead: RequestServer.Answer? = nil) { answersInstead = instead }

        var taken: Int { state.withLock { $0.taken } }
        func read(_ provider: String) { state.withLock { $0.readable.append(provider) } }
        func configure(_ provider: String, of owner: ClinicID) {
            state.withLock { $0.providers[owner, default: []].append(provider) }
        }

        func answer(_ request: BusRequest) async -> RequestServer.Answer {
            switch request.operation {
            case WebhookEndpoints(of: .appointments).pairs.name:
                if let answersInstead { return answersInstead }
                guard let query = try? JSONTape(request.input).decode(WebhookPairsQuery.self) else {
                    return .reply(BusReply(status: 500))
                }
                let pairs = state.withLock { state in
                    WebhookPairs(
                        readable: state.readable,
                        owners: query.owners.map { .init(id: $0, providers: state.providers[$0] ?? []) }
                    )
                }
                return .reply(BusReply(status: 200, body: (try? JSONWriter.encode(pairs)) ?? []))
            case "things.webhook", "things.shared_webhook":
                state.withLock { $0.taken += 1 }
                return await FakeService.answer(request)
            default: return await FakeService.answer(request)
            }
        }
    }

    /// A gateway before the desk, with two clinics.
    private func run(
        _ desk: Desk,
        _ body: @escaping @Sendable (TestGateway, ClinicID, ClinicID) async throws -> Void
    ) async throws {
        try await TestGateway.run(handler: { await desk.answer($0) }) { gateway in
            let other = gateway.access.member([.clinicAdmin]).clinic
            let (clinic, user) = gateway.access.member([.clinicAdmin])
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(try gateway.tokens.token(for: user))])
            try await body(gateway, clinic, other)
        }
    }

    private func post(_ provider: String, _ owner: some Sendable, _ gateway: TestGateway) async throws
        -> TestGateway.Answer
    {
        try await gateway.post("/api/v1/webhooks/things/\(provider)/\(owner)", body: "{}")
    }

    @Test func othersNeverReachTheService() async throws {
        let desk = Desk()
        desk.read("known")
        desk.read("other")
        try await run(desk) { gateway, clinic, other in
            desk.configure("known", of: clinic)
            for place in ["\(clinic)", "\(other)", "installation"] {
                for provider in ["known", "other"] where place != "\(clinic)" || provider != "known" {
                    let refused = try await post(provider, place, gateway)
                    #expect(refused.status == 401 && refused.header("WWW-Authenticate") == nil)
                    #expect(try refused.code == "invalid_signature")
                }
                let unknown = try await post("nobody", place, gateway)
                #expect(unknown.status == 404)
                #expect(try unknown.code == "not_found")
            }
            #expect(desk.taken == 0)
            #expect(try await post("known", clinic, gateway).status == 204)
            #expect(try await post("kn%6Fwn", clinic, gateway).status == 204)
            desk.configure("other", of: .installation)
            #expect(try await post("other", "installation", gateway).status == 204)
            #expect(desk.taken == 3)
            // What is no provider's name at all is refused as other wrong input is.
            let long = String(repeating: "a", count: WebhookPayload.longestProvider + 1)
            #expect(try await post(long, clinic, gateway).status == 204)
        }
    }

    /// Whoever was refused a moment ago is let in with the next one.
    @Test func whatIsConfiguredIsTakenFromThenOn() async throws {
        let desk = Desk()
        try await run(desk) { gateway, clinic, _ in
            for number in 1...20 {
                let provider = "provider\(number)"
                desk.read(provider)
                let before = try await post(provider, clinic, gateway)
                desk.configure(provider, of: clinic)
                let after = try await post(provider, clinic, gateway)
                #expect(before.status == 401 && after.status == 204)
                #expect(desk.taken == number)
            }
        }
    }

    /// A service of before, one in trouble, one that says nothing to the purpose, one that does not answer.
    @Test(
        arguments: [
            .reply(BusReply(status: 404)), .reply(BusReply(status: 503)),
            .reply(BusReply(status: 200, body: Array("{}".utf8))), .leavePending,
        ] as [RequestServer.Answer]
    )
    func whereNobodySaysItIsPassedOn(_ answer: RequestServer.Answer) async throws {
        let desk = Desk(answering: answer)
        try await run(desk) { gateway, clinic, _ in
            let answers = [
                try await post("known", clinic, gateway), try await post("known", "installation", gateway),
            ]
            #expect(answers.map(\.status) == [204, 204] && desk.taken == 2)
        }
    }

    @Test func notOneByteOfOthersBodiesIsRead() async throws {
        let desk = Desk()
        desk.read("known")
        try await run(desk) { gateway, _, _ in
            for (provider, status) in [("known", 401), ("nobody", 404)] {
                let heard = try await RawConnection.open(gateway.port) { connection in
                    let head = "POST /api/v1/webhooks/things/\(provider)/installation HTTP/1.1\r\nHost: a\r\n"
                    try await connection.say(head + "Content-Length: 1000000\r\n\r\n")
                    return await connection.hearAll()
                }
                #expect(heard.hasPrefix("HTTP/1.1 \(status) "), "\(heard.prefix(200))")
            }
            #expect(desk.taken == 0)
        }
    }
}

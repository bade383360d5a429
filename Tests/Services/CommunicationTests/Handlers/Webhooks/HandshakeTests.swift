import Bus
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

@Suite(.timeLimit(.minutes(1))) struct HandshakeTests {
    private func ask(
        _ clinic: TestClinic,
        provider: String = "meta",
        mode: String? = "subscribe",
        token: String? = "clinic-verify-token",
        challenge: String? = "1158201444"
    ) async throws -> (status: Int, text: String) {
        let input = WebhookHandshake(
            provider: provider,
            clinicId: clinic.clinic,
            mode: mode,
            verifyToken: token,
            challenge: challenge
        )
        return try await clinic.text(MessageDesk.endpoints.deliveries.handshake, input)
    }

    @Test func theChallengeComesBackAsItCame() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                whatsapp: ChannelDraft(primary: .meta("http://127.0.0.1:9"))
            )
        )
        for challenge in ["1158201444", "0012", "<b>\"x\"</b>", "é 😀"] {
            let answer = try await ask(clinic, challenge: challenge)
            #expect(answer.status == 200 && answer.text == challenge)
        }
        for (mode, token) in [
            ("subscribe", "guessed"), ("subscribe", "clinic-verify-token "), ("subscribe", ""),
            ("unsubscribe", "clinic-verify-token"), ("", "clinic-verify-token"),
        ] {
            let answer = try await ask(clinic, mode: mode, token: token)
            #expect(answer.status == 403 && !answer.text.contains("1158201444"), "\(mode) \(token)")
        }
        let other = try TestClinic()
        #expect(try await ask(other).status == 403)
    }

    /// As long as a token may be, it is shown, sent back and known again; a longer one is refused wherever it stands.
    @Test func theLongestTokenIsTakenEitherWay() async throws {
        let (clinic, endpoint) = (try TestClinic(), MessageDesk.endpoints.configuration.put)
        let longest = String(repeating: "t", count: WebhookHandshake.longestToken)
        func draft(_ primary: ProviderDraft) -> ConfigurationDraft {
            ConfigurationDraft(clinicId: clinic.clinic, whatsapp: ChannelDraft(primary: primary))
        }
        var chosen = ProviderDraft.meta(SandboxPlace.nowhere)
        chosen.credentials["verifyToken"] = .string(longest)
        let shown = try #require(try await clinic.configure(draft(chosen)).whatsapp?.primary)
        #expect(shown.verifyToken == longest)
        var sentBack = ProviderDraft(id: shown.id, provider: shown.provider, credentials: shown.credentials)
        sentBack.verifyToken = shown.verifyToken
        sentBack.webhookUrl = shown.webhookUrl
        #expect(try await clinic.configure(draft(sentBack)).whatsapp?.primary.verifyToken == longest)
        #expect(try await ask(clinic, token: longest).status == 200)
        sentBack.verifyToken = longest + "t"
        let bytes = try JSONWriter.encode(draft(sentBack))
        #expect(try !endpoint.inputSchema.violations(in: JSONTape(bytes)).isEmpty)
        chosen.credentials["verifyToken"] = .string(longest + "t")
        let refused = try await clinic.ask(endpoint, draft(chosen), ifMatch: "*")
        #expect(refused.status == 422 && refused.pointers == ["/whatsapp/primary/credentials/verifyToken"])
    }

    @Test(
        arguments: [
            (nil, nil, nil), (nil, "clinic-verify-token", "1"), ("subscribe", nil, "1"),
            ("subscribe", "clinic-verify-token", nil),
        ] as [(String?, String?, String?)]
    )
    func whatAsksNothingIsNoHandshake(_ mode: String?, _ token: String?, _ challenge: String?) async throws {
        let clinic = try TestClinic()
        let answer = try await ask(clinic, mode: mode, token: token, challenge: challenge)
        #expect(answer.status == 400 && answer.text.contains("hub.challenge"))
    }

    @Test(arguments: ["zeptomail", "aws_ses", "aws_sns", "sendgrid", "resend", "smtp", "twilio"])
    func whoNeverAsksHasNoHandshake(_ provider: String) async throws {
        let clinic = try TestClinic()
        for mode in [nil, "subscribe"] {
            let request = BusRequest(
                operation: MessageDesk.endpoints.deliveries.handshake.name,
                clinic: clinic.clinic,
                principal: Principal(kind: .provider, id: "test"),
                scope: .clinic,
                deadline: .after(.seconds(20)),
                idempotencyKey: "\(RequestID())",
                source: RequestSource(address: "127.0.0.1", userAgent: "test"),
                input: try JSONWriter.encode(
                    WebhookHandshake(
                        provider: provider,
                        clinicId: clinic.clinic,
                        mode: mode,
                        verifyToken: mode,
                        challenge: mode
                    )
                )
            )
            guard case .reply(let reply) = await clinic.desk.dispatcher.answer(request, redelivered: false) else {
                Issue.record("no answer")
                return
            }
            #expect(reply.status == 405 && reply.headers.contains { $0 == ("Allow", "POST") })
        }
    }

    @Test(arguments: ["fcm", "stripe", "nobody", "META"]) func whoSendsNoNoticesIsNotThere(_ provider: String)
        async throws
    {
        #expect(try await ask(try TestClinic(), provider: provider).status == 404)
    }
}

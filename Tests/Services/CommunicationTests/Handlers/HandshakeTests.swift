import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(1))) struct HandshakeTests {
    private func ask(
        _ clinic: TestClinic,
        provider: String = "meta",
        mode: String = "subscribe",
        token: String = "clinic-verify-token",
        challenge: String = "1158201444"
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
        for (provider, mode, token, status) in [
            ("meta", "subscribe", "guessed", 403), ("meta", "subscribe", "clinic-verify-token ", 403),
            ("meta", "unsubscribe", "clinic-verify-token", 403), ("resend", "subscribe", "clinic-verify-token", 404),
        ] {
            let answer = try await ask(clinic, provider: provider, mode: mode, token: token)
            #expect(answer.status == status && !answer.text.contains("1158201444"), "\(provider) \(mode) \(token)")
        }
        let other = try TestClinic()
        #expect(try await ask(other).status == 403)
    }
}

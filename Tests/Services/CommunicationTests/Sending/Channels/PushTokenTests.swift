import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What a refusal by FCM says of a device, and what it does not.
@Suite(.timeLimit(.minutes(2))) struct PushTokenTests {
    private func clinic(_ sandbox: SandboxPlace) async throws -> TestClinic {
        let clinic = try TestClinic()
        let account = try await sandbox.call("/fcm/service-account")
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort)),
                push: ChannelDraft(primary: .fcm(sandbox.url("fcm"), account: account))
            )
        )
        return clinic
    }

    private func send(
        _ clinic: TestClinic,
        to token: String,
        _ text: String = "See you soon."
    ) async throws -> Message {
        let draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress("device@example.com"), pushToken: token),
            channels: [.push, .email],
            content: MessageContent(subject: "Clinic", text: text)
        )
        return try await clinic.settled(try await clinic.send(draft))
    }

    private func suppressed(_ clinic: TestClinic) async throws -> [Suppression] {
        try #require(try await clinic.ask(MessageDesk.endpoints.suppressions.list, .init()).output).items
    }

    @Test(arguments: ["unregistered-000000000", "othersender-000000000"])
    func aDeadTokenIsNotCalledAgainAndNoOther(token: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            #expect(try await send(clinic, to: token).attempts.map(\.outcome) == [.badRecipient, .accepted])
            #expect(try await suppressed(clinic).map(\.address) == [token])
            let again = try await send(clinic, to: token)
            #expect(again.attempts.map(\.outcome) == [.skippedSuppressed, .accepted] && again.channel == .email)
            // The same person's other device.
            let other = try await send(clinic, to: "fGTokenOfAnotherApp:APA91b")
            #expect(other.channel == .push && other.attempts.map(\.outcome) == [.accepted])
        }
    }

    /// By every way to one, before anybody is called.
    @Test(
        arguments: [
            String(repeating: " ", count: 16), "has blanks in it, so none", "fGTökenOfAnInstalledApp",
            "fGTokenOfAnApp\u{7F}:APA91b", "fGTokenOfAnApp\n:APA91b",
        ]
    )
    func whatIsNoTokenIsRefused(token: String) async throws {
        let (clinic, endpoints) = (try TestClinic(), MessageDesk.endpoints)
        try await clinic.configure(.smtp(port: 9))
        let draft = MessageDraft(
            to: RecipientDraft(email: EmailAddress("device@example.com"), pushToken: token),
            channels: [.email],
            content: MessageContent(subject: "Clinic", text: "See you soon.")
        )
        let alone = try await clinic.ask(endpoints.messages.send, draft)
        #expect(alone.status == 422 && alone.pointers == ["/to/pushToken"])
        let batch = try MessageBatch(messages: [draft.json()])
        let items = try #require(try await clinic.ask(endpoints.messages.sendBatch, batch).output?.items)
        #expect(items.map { $0.problem?.errors?.first?.pointer } == ["/to/pushToken"])
        let test = ConfigurationTest(clinicId: clinic.clinic, to: TestRecipient(pushToken: token))
        let tried = try await clinic.ask(endpoints.configuration.test, test)
        #expect(tried.status == 422 && tried.pointers == ["/to/pushToken"])
    }

    @Test func aMessageThatIsTooLargeBlamesNoToken() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let token = "fGTokenOfAnInstalledApp:APA91b"
            let large = try await send(clinic, to: token, String(repeating: "नमस्ते ", count: 400))
            #expect(large.attempts.map(\.outcome) == [.contentRejected, .accepted] && large.channel == .email)
            #expect(try await suppressed(clinic).isEmpty)
            #expect(try await send(clinic, to: token).channel == .push)
        }
    }
}

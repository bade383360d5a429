import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Notices to apps through FCM's protocol, played by the sandbox.
@Suite(.timeLimit(.minutes(3))) struct PushTests {
    private static let app = "fGTokenOfAnInstalledApp:APA91b"

    private func configure(_ clinic: TestClinic, _ sandbox: SandboxPlace) async throws {
        let account = try await sandbox.call("/fcm/service-account")
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort, password: "pw")),
                push: ChannelDraft(primary: .fcm(sandbox.url("fcm"), account: account))
            )
        )
    }

    private func draft(_ token: String = Self.app, priority: MessagePriority = .normal) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress("push@example.com"), pushToken: token),
            channels: [.push, .email],
            content: MessageContent(subject: "Clinic", text: "See you soon."),
            priority: priority,
            expiresAt: .now() + .seconds(3_600)
        )
    }

    private func issued(_ sandbox: SandboxPlace) async throws -> JSONValue? {
        try await sandbox.call("/fcm/tokens")["issued"]
    }

    @Test func itArrivesWithOneTokenForAll() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            for priority in [MessagePriority.normal, .critical] {
                let message = try await clinic.settled(try await clinic.send(draft(priority: priority)))
                #expect(message.status == .sent && message.channel == .push)
                let received = try await sandbox.received(for: Self.app).first?.message
                #expect(received?["id"]?.string == message.attempts.first?.providerMessageId)
                #expect(received?["subject"]?.string == "Clinic" && received?["text"]?.string == "See you soon.")
                #expect(received?["reference"]?.string == message.id.description)
                let urgency = priority == .critical ? "high" : "normal"
                #expect(received?["headers"]?["priority"]?.string == urgency)
                let life = try #require(received?["headers"]?["ttl"]?.string?.dropLast()).description
                #expect((3_000...3_600).contains(Int(life) ?? 0))
            }
            #expect(try await issued(sandbox) == .integer(1))
        }
    }

    @Test func aTokenThatWasEndedIsRenewedOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await clinic.settled(try await clinic.send(draft())).channel == .push)
            try await sandbox.call("/fcm/tokens", method: "DELETE")
            let message = try await clinic.settled(try await clinic.send(draft()))
            #expect(message.attempts.map(\.outcome) == [.accepted] && message.channel == .push)
            #expect(try await issued(sandbox) == .integer(2))
        }
    }

    @Test func whoWaitsTogetherAsksOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let key = try await sandbox.call("/fcm/service-account")
            let account = try #require(GoogleServiceAccount(Credentials(["serviceAccount": key])))
            let (tokens, http) = (GoogleAccessTokens(), try ProviderSamples.transports().http)
            let found = await withTaskGroup(of: Secret?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let answer = await tokens.token(for: account, scope: FCMProvider.scope, through: http)
                        return if case .token(let token) = answer { token } else { nil }
                    }
                }
                return await group.reduce(into: [Secret?]()) { $0.append($1) }
            }
            #expect(found.count == 50 && found.allSatisfy { $0 != nil && $0 == found[0] })
            #expect(try await issued(sandbox) == .integer(1))
            // What is forgotten is asked for anew; somebody else's older token does not undo that.
            guard case .token(let token) = await tokens.token(for: account, scope: FCMProvider.scope, through: http)
            else {
                throw TestKitError("no token")
            }
            tokens.forget(Secret("another"), of: account, scope: FCMProvider.scope)
            _ = await tokens.token(for: account, scope: FCMProvider.scope, through: http)
            #expect(try await issued(sandbox) == .integer(1))
            tokens.forget(token, of: account, scope: FCMProvider.scope)
            _ = await tokens.token(for: account, scope: FCMProvider.scope, through: http)
            #expect(try await issued(sandbox) == .integer(2))
        }
    }

    @Test(
        arguments: [
            ("unregistered-000000000", .badRecipient, "UNREGISTERED"),
            ("othersender-000000000", .badRecipient, "SENDER_ID_MISMATCH"),
            ("malformed-00000000000", .badRecipient, "INVALID_ARGUMENT"),
            ("noapns-000000000000000", .senderNotAuthorised, "THIRD_PARTY_AUTH_ERROR"),
            ("toofast-00000000000000", .throttled, "QUOTA_EXCEEDED"),
        ] as [(String, AttemptOutcome, String)]
    )
    func anAppThatIsNotThereIsReachedOtherwise(token: String, outcome: AttemptOutcome, code: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            let message = try await clinic.settled(try await clinic.send(draft(token)))
            #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            #expect(message.attempts.first?.providerCode == code && message.channel == .email)
        }
    }

    @Test(
        arguments: [
            ("429", .throttled), ("500", .transient), ("down", .transient), ("reset", .transient),
            ("lost_reply", .transient),
        ] as [(String, AttemptOutcome)]
    )
    func withoutATokenNothingIsLost(fault: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            try await sandbox.fault(fault, of: "fcm")
            let message = try await clinic.settled(try await clinic.send(draft()))
            // The fault hits the exchange already: nothing was sent, so the next channel may.
            #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            #expect(try await sandbox.received(for: Self.app).isEmpty)
        }
    }

    @Test func aLostReplyIsNotSentAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            #expect(try await clinic.settled(try await clinic.send(draft())).channel == .push)
            try await sandbox.fault("lost_reply", of: "fcm")
            let message = try await clinic.settled(try await clinic.send(draft()))
            #expect(message.status == .unknown && message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: Self.app).count == 2)
        }
    }

    @Test func aCheckSendsNothing() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox)
            let entry = try #require(
                try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "push").entries.first
            )
            let provider = try #require(clinic.desk.sending.provider(for: entry))
            #expect(await provider.check(deadline: .after(.seconds(10))).outcome == .accepted)
            guard case .array(let items) = try await sandbox.call("/messages")["items"] else { return }
            #expect(items.isEmpty)
        }
    }
}

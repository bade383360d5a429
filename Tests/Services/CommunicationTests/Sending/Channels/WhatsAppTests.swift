import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing
import Vault

@testable import Communication

/// Messages through Meta's protocol, played by the sandbox.
@Suite(.timeLimit(.minutes(3))) struct WhatsAppTests {
    private static let number = "106540352242922"

    /// A number of the clinic's patients, and of nobody else's.
    private func phone(_ clinic: TestClinic) throws -> PhoneNumber {
        try #require(PhoneNumber("+9198\(10_000_000 + clinic.clinic.low % 90_000_000)"))
    }

    private func draft(_ clinic: TestClinic, email: Bool = true) throws -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(
                email: email ? EmailAddress("w\(clinic.clinic.low)@example.com") : nil,
                phone: try phone(clinic)
            ),
            channels: email ? [.whatsapp, .email] : [.whatsapp],
            content: MessageContent(subject: "Hello", text: "Your results are in.")
        )
    }

    private func configure(_ clinic: TestClinic, _ sandbox: SandboxPlace, _ meta: ProviderDraft) async throws {
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort, password: "pw")),
                whatsapp: ChannelDraft(primary: meta)
            )
        )
    }

    /// The patient writes to a number of the clinic's.
    private func write(
        _ clinic: TestClinic,
        to number: String = Self.number,
        of provider: String = "meta",
        ago: Duration = .seconds(60)
    ) async throws {
        let index = clinic.desk.blindIndex.token(
            try phone(clinic).number,
            purpose: AddressIndex.purpose,
            clinic: clinic.clinic
        )
        let tenant = Tenant(clinic.clinic, actor: "test")
        try await clinic.desk.database.database.transaction(for: tenant) { tx in
            ConversationWindowStore.note("\(provider):\(number)", index, at: .now() - ago, in: tx)
        }
    }

    @Test func whoWroteTodayIsWrittenToFreely() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            try await write(clinic)
            let message = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(message.status == .sent && message.channel == .whatsapp)
            #expect(message.attempts.map(\.outcome) == [.accepted])
            let received = try await sandbox.received(for: phone(clinic).number)
            #expect(received.map(\.provider) == ["meta"])
            #expect(received.first?.message["id"]?.string == message.attempts.first?.providerMessageId)
            #expect(received.first?.message["reference"]?.string == message.id.description)
            #expect(received.first?.message["text"]?.string == "Your results are in.")
        }
    }

    @Test func whoDidNotIsReachedByTheNextChannel() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            // Long ago, and to another number.
            try await write(clinic, ago: .seconds(86_400))
            try await write(clinic, to: "106540352242923")
            let message = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(message.status == .sent && message.channel == .email)
            #expect(message.attempts.map(\.outcome) == [.contentRejected, .accepted])
            #expect(message.attempts[0].providerCode == "outside_window")
            #expect(message.attempts[0].detail == ProviderVerdict.outsideWindow.detail)
            #expect(try await sandbox.received(for: phone(clinic).number).isEmpty)
            let alone = try await clinic.settled(try await clinic.send(draft(clinic, email: false)))
            #expect(alone.status == .failed && alone.reason?.code == "content_rejected")
        }
    }

    /// A conversation is open with one number: the next provider may be the one that was written to.
    @Test func whatOneNumberMayNotSayAnotherMay() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let twilio = ProviderDraft.whatsApp(at: sandbox.url("twilio"))
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    email: ChannelDraft(primary: .smtp(port: sandbox.smtpPort, password: "pw")),
                    whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta")), fallback: [twilio])
                )
            )
            try await write(clinic, to: "+14155238886", of: "twilio")
            let message = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(message.status == .sent && message.channel == .whatsapp)
            #expect(message.attempts.map(\.provider) == ["meta", "twilio"])
            #expect(message.attempts.map(\.outcome) == [.contentRejected, .accepted])
        }
    }

    /// The provider knows better when somebody wrote last.
    @Test func aConversationThatTheProviderSaysIsOverIsBegunAnewWithTheTemplate() async throws {
        try await SandboxPlace.with { sandbox in
            let credentials = Credentials(ProviderDraft.meta(sandbox.url("meta")).credentials)
            let meta = try #require(MetaWhatsAppProvider(credentials, through: ProviderSamples.transports()))
            let number = "+15017131047"
            let template = ApprovedTemplate(name: "appointment_reminder", language: "en", parameters: ["10:30"])
            func send(_ approved: ApprovedTemplate?) async throws -> ProviderVerdict {
                let text = try ProviderSamples.text(
                    to: number,
                    approved: approved,
                    lastInbound: ["meta:\(Self.number)": .now()]
                )
                return await meta.send(text, deadline: .after(.seconds(10)))
            }
            let refused = try await send(nil)
            #expect(refused.outcome == .contentRejected && refused.code == "131047")
            #expect(try await send(template).outcome == .accepted)
            #expect(try await sandbox.received(for: number).count == 1)
        }
    }

    @Test func anotherClinicsConversationIsNotThisOnes() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            let index = other.desk.blindIndex.token(
                try phone(clinic).number,
                purpose: AddressIndex.purpose,
                clinic: other.clinic
            )
            try await other.desk.database.database.transaction(for: Tenant(other.clinic, actor: "test")) { tx in
                ConversationWindowStore.note("meta:\(Self.number)", index, at: .now(), in: tx)
            }
            let message = try await clinic.settled(try await clinic.send(draft(clinic, email: false)))
            #expect(message.attempts.map(\.providerCode) == ["outside_window"])
        }
    }

    @Test(
        arguments: [
            ("429", .throttled), ("500", .transient), ("down", .transient),
        ] as [(String, AttemptOutcome)]
    )
    func whateverItSaysTheNextChannelTakesIt(fault: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            try await write(clinic)
            try await sandbox.fault(fault, of: "meta")
            let message = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            #expect(message.channel == .email)
        }
    }

    @Test func aLostReplyIsNotSentAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            try await write(clinic)
            try await sandbox.fault("lost_reply", of: "meta")
            let message = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(message.status == .unknown && message.attempts.map(\.outcome) == [.unknownOutcome])
            #expect(try await sandbox.received(for: phone(clinic).number).count == 1)
        }
    }

    @Test func aWrongTokenLatches() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta"), token: "EAAG-expired"))
            try await write(clinic)
            let first = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(first.attempts.map(\.outcome) == [.credentials, .accepted])
            let second = try await clinic.settled(try await clinic.send(draft(clinic)))
            #expect(second.attempts.map(\.outcome) == [.skippedCircuitOpen, .accepted])
        }
    }

    @Test func whatIsToldLateDoesNotShortenAConversation() async throws {
        let clinic = try TestClinic()
        let index = [UInt8](repeating: 7, count: 32)
        let tenant = Tenant(clinic.clinic, actor: "test")
        let now = Instant(seconds: 1_792_566_000)
        let id = try await clinic.desk.database.database.transaction(for: tenant) { tx in
            for ago in [60, 3_600, 0, 7_200] {
                ConversationWindowStore.note("meta:1", index, at: now - .seconds(ago), in: tx)
            }
            let last = try tx.rows("select last_inbound_at from conversation_windows where phone_index = \(index)")
            return try last.map { try $0[0] as Instant }
        }
        #expect(id == [now])
    }

    @Test func theNumberSaysHowItIs() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await configure(clinic, sandbox, .meta(sandbox.url("meta")))
            let entry = try #require(
                try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "whatsapp").entries.first
            )
            let provider = try #require(clinic.desk.sending.provider(for: entry))
            let verdict = await provider.check(deadline: .after(.seconds(10)))
            #expect(verdict.outcome == .accepted && verdict.detail?.contains("quality GREEN") == true)
        }
    }
}

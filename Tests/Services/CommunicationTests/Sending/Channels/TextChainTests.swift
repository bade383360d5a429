import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing
import Vault

@testable import Communication

/// Texts and notices through the providers' own protocols, played by the sandbox.
@Suite(.timeLimit(.minutes(3))) struct TextChainTests {
    /// A number of the test's own.
    private static func number() -> String { "+4915\(Int.random(in: 100_000_000...999_999_999))" }

    private func draft(
        to number: String,
        _ channels: [MessageChannel],
        email: String? = nil,
        token: String? = nil,
        category: MessageCategory? = nil
    ) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(
                email: email.flatMap { EmailAddress($0) },
                phone: PhoneNumber(number),
                pushToken: token
            ),
            channels: channels,
            content: MessageContent(subject: "Your visit", text: "See you at 10:30 – नमस्ते & +1"),
            category: category
        )
    }

    @Test(arguments: ["twilio", "aws_sns"]) func eachTakesAText(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await clinic.configure(sms: [.texts(provider, at: sandbox.url(provider))])
            let id = try await clinic.send(draft(to: number, [.sms]))
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.channel == .sms)
            #expect(message.attempts.map(\.outcome) == [.accepted] && message.attempts.map(\.provider) == [provider])
            let received = try await sandbox.received(for: number)
            #expect(received.map(\.provider) == [provider])
            #expect(received.first?.message["id"]?.string == message.attempts.first?.providerMessageId)
            #expect(received.first?.message["text"]?.string == "See you at 10:30 – नमस्ते & +1")
            if provider == "twilio" { #expect(received.first?.message["reference"]?.string == id.description) }
            let entry = try #require(
                try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "sms").entries.first
            )
            let check = await clinic.desk.sending.provider(for: entry)?.check(deadline: .after(.seconds(10)))
            #expect(check?.outcome == .accepted)
        }
    }

    /// An account that is registered for somebody else is passed over, without a call.
    @Test func aTextToIndiaComesFromTheClinicsHeader() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), "+9198\(Int.random(in: 10_000_000...99_999_999))")
            var another = ProviderDraft.texts("twilio", at: sandbox.url("twilio"))
            another.credentials["dltEntityId"] = "1101456070000099999"
            var own = ProviderDraft.texts("twilio", at: sandbox.url("twilio"))
            own.credentials["dltEntityId"] = "1101456070000012345"
            let india = IndiaRegistration(
                entityId: "1101456070000012345",
                header: "CLINIC",
                templates: [DLTTemplate(id: "1107160000000000001", text: "See you at {#var#}")]
            )
            try await clinic.configure(
                sms: [another, own],
                settings: CommunicationSettings(countryRules: CountryRegistrations(india: india))
            )
            let message = try await clinic.settled(try await clinic.send(draft(to: number, [.sms])))
            #expect(message.attempts.map(\.outcome) == [.senderNotAuthorised, .accepted])
            #expect(message.attempts.first?.providerCode == "dlt_entity")
            let received = try await sandbox.received(for: number)
            #expect(received.map { $0.message["from"]?.string } == ["CLINIC"])
        }
    }

    /// Each call's outcome is in the trail, under the name of who answered it, and says nothing of the message.
    @Test func whatProvidersAnswerStandsInTheTrail() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await sandbox.fault("down", of: "twilio")
            try await clinic.configure(sms: [
                .texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns")),
            ])
            let message = try await clinic.settled(try await clinic.send(draft(to: number, [.sms])))
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            let entries = try await clinic.desk.database.audit(of: clinic.clinic).filter {
                $0.actor.type == Principal.Kind.provider.rawValue
            }
            #expect(entries.map(\.actor.id) == ["twilio", "aws_sns"])
            #expect(entries.map(\.reason) == ["transient", "accepted"])
            #expect(entries.map(\.outcome) == [.failed, .succeeded])
            #expect(entries.allSatisfy { $0.resource.id == message.id.description && $0.action == "messages:send" })
        }
    }

    @Test func whatsAppIsAChannelOfItsOwn() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await clinic.configure(
                sms: [.texts("twilio", at: sandbox.url("twilio"))],
                whatsapp: [.whatsApp(at: sandbox.url("twilio"))]
            )
            let begun = try await clinic.settled(try await clinic.send(draft(to: number, [.whatsapp, .sms])))
            #expect(begun.attempts.map(\.outcome) == [.contentRejected, .accepted] && begun.channel == .sms)
            let index = clinic.desk.blindIndex.token(number, purpose: AddressIndex.purpose, clinic: clinic.clinic)
            try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
                ConversationWindowStore.note("twilio:+14155238886", index, at: .now(), in: tx)
            }
            let message = try await clinic.settled(try await clinic.send(draft(to: number, [.whatsapp, .sms])))
            #expect(message.status == .sent && message.channel == .whatsapp)
            let received = try await sandbox.received(for: number).map { $0.message["channel"]?.string }
            #expect(received.sorted { ($0 ?? "") < ($1 ?? "") } == ["sms", "whatsapp"])
        }
    }

    @Test(arguments: [("down", AttemptOutcome.transient), ("429", .throttled), ("reset", .unknownOutcome)])
    func whatTwilioDoesNotTakeSNSDoesUnlessItMayHave(fault: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await sandbox.fault(fault, of: "twilio")
            try await clinic.configure(sms: [
                .texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns")),
            ])
            let message = try await clinic.settled(try await clinic.send(draft(to: number, [.sms])))
            if outcome == .unknownOutcome {
                #expect(message.status == .unknown && message.attempts.map(\.outcome) == [outcome])
                #expect(try await sandbox.received(for: number).isEmpty)
            } else {
                #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
                #expect(try await sandbox.received(for: number).map(\.provider) == ["aws_sns"])
            }
        }
    }

    @Test(arguments: ["twilio", "aws_sns"]) func aLostReplyIsNotSentAgain(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            let other = provider == "twilio" ? "aws_sns" : "twilio"
            try await sandbox.fault("lost_reply", of: provider)
            try await clinic.configure(sms: [
                .texts(provider, at: sandbox.url(provider)), .texts(other, at: sandbox.url(other)),
            ])
            let message = try await clinic.settled(try await clinic.send(draft(to: number, [.sms])))
            #expect(message.status == .unknown && message.reason?.code == "unknown_outcome")
            #expect(try await sandbox.received(for: number).map(\.provider) == [provider])
        }
    }

    /// Of their visits they are told by whatever is left, as those are whose STOP is known before the call; offers end.
    @Test(arguments: ["twilio", "aws_sns"]) func whoHasToldOneToStopIsNotReachedThroughAnother(provider: String)
        async throws
    {
        try await SandboxPlace.with { sandbox in
            let other = provider == "twilio" ? "aws_sns" : "twilio"
            for category in [MessageCategory.marketing, .care] {
                let clinic = try TestClinic()
                try await clinic.configure(
                    email: [.sendgrid(sandbox.url("sendgrid"))],
                    sms: [.texts(provider, at: sandbox.url(provider)), .texts(other, at: sandbox.url(other))]
                )
                let address = "s\(clinic.clinic.low)@example.com"
                let message = try await clinic.settled(
                    try await clinic.send(
                        draft(to: "+15005550004", [.sms, .email], email: address, category: category)
                    ),
                    [.suppressed, .sent, .failed, .unknown]
                )
                let mails = try await sandbox.received(for: address).count
                if category == .marketing {
                    #expect(message.status == .suppressed && message.reason?.code == "opted_out")
                    #expect(message.attempts.map(\.outcome) == [.optedOut] && mails == 0)
                } else {
                    #expect(message.status == .sent && message.channel == .email)
                    #expect(message.attempts.map(\.outcome) == [.optedOut, .accepted] && mails == 1)
                }
            }
        }
    }

    @Test func aNumberThatIsNoneLeadsToTheNextChannel() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                email: [.sendgrid(sandbox.url("sendgrid"))],
                sms: [
                    .texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns")),
                ]
            )
            let address = "n\(clinic.clinic.low)@example.com"
            let message = try await clinic.settled(
                try await clinic.send(draft(to: "+15005550009", [.sms, .email], email: address))
            )
            #expect(message.attempts.map(\.outcome) == [.badRecipient, .accepted])
            #expect(message.attempts.map(\.providerCode) == ["21614", nil])
            #expect(message.status == .sent && message.channel == .email)
        }
    }

    private func code(to number: String) -> MessageDraft {
        var draft = draft(to: number, [.sms])
        draft.category = .security
        return draft
    }

    /// A code that comes twice is better than none, and twice is enough.
    @Test(arguments: [1, nil]) func aCodeWhoseReplyIsLostComesAgainOnce(losses: Int?) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await sandbox.fault("lost_reply", of: "twilio", times: losses)
            try await clinic.configure(sms: [.texts("twilio", at: sandbox.url("twilio"))])
            let id = try await clinic.send(code(to: number))
            try await eventually("the code is handed over again", within: .seconds(40)) {
                let message = try await clinic.message(id)
                return message.attempts.count == 2 && message.attempts[1].outcome != nil ? true : nil
            }
            try await clinic.hurryJobs()
            let message = try await clinic.settled(id)
            #expect(message.status == (losses == 1 ? .sent : .unknown))
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, losses == 1 ? .accepted : .unknownOutcome])
            #expect(try await sandbox.received(for: number).count == 2)
        }
    }

    @Test func aCodeWhoseReplyIsLostComesAgainWhereTheNextFailed() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await sandbox.fault("lost_reply", of: "twilio", times: 1)
            try await sandbox.fault("500", of: "aws_sns", times: 1)
            try await clinic.configure(sms: [
                .texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns")),
            ])
            let message = try await clinic.settled(try await clinic.send(code(to: number)))
            #expect(message.status == .sent)
            #expect(message.attempts.map(\.outcome) == [.unknownOutcome, .transient, .accepted])
        }
    }

    /// The next provider has no room for it yet.
    @Test func aCodeWhoseReplyIsLostComesAgainWhereTheNextHasNoRoom() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, number) = (try TestClinic(), Self.number())
            try await clinic.configure(
                sms: [.texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns"))],
                settings: CommunicationSettings(rates: ["aws_sns": 0.01])
            )
            try await sandbox.fault("down", of: "twilio")
            for _ in 0..<3 {
                #expect(try await clinic.settled(try await clinic.send(draft(to: number, [.sms]))).status == .sent)
            }
            try await sandbox.fault("lost_reply", of: "twilio", times: 1)
            let id = try await clinic.send(code(to: number))
            try await eventually("the code waits for room", within: .seconds(40)) {
                try await clinic.message(id).waitingFor == .rateLimit ? true : nil
            }
            try await clinic.hurryJobs()
            let message = try await clinic.settled(id)
            #expect(message.status == .sent && message.attempts.map(\.outcome) == [.unknownOutcome, .accepted])
        }
    }

    @Test(arguments: ["twilio", "aws_sns"]) func wrongCredentialsLatch(provider: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let other = provider == "twilio" ? "aws_sns" : "twilio"
            try await clinic.configure(sms: [
                .texts(provider, at: sandbox.url(provider), wrong: true), .texts(other, at: sandbox.url(other)),
            ])
            for outcome in [AttemptOutcome.credentials, .skippedCircuitOpen] {
                let message = try await clinic.settled(try await clinic.send(draft(to: Self.number(), [.sms])))
                #expect(message.attempts.map(\.outcome) == [outcome, .accepted])
            }
            let latched = try #require(try await clinic.health().first { $0.provider == provider })
            #expect(latched.state == .latched && latched.reason == "credentials")
        }
    }

    @Test(arguments: [
        ("a-device-token-0001", AttemptOutcome.accepted), ("a-known-device-0001", .accepted),
        ("a-disabled-device-1", .badRecipient),
    ])
    func anAppIsToldThroughItsEndpoint(token: String, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(push: [.pushes(at: sandbox.url("aws_sns"))])
            let id = try await clinic.send(draft(to: Self.number(), [.push], token: "\(token)-\(clinic.clinic.low)"))
            let message = try await clinic.settled(id)
            #expect(message.attempts.map(\.outcome) == [outcome])
            #expect(message.status == (outcome == .accepted ? .sent : .failed))
            let received = try await sandbox.received(for: "\(token)-\(clinic.clinic.low)")
            #expect(received.map { $0.message["subject"]?.string } == (outcome == .accepted ? ["Your visit"] : []))
            #expect(received.first?.message["channel"]?.string == (outcome == .accepted ? "push" : nil))
        }
    }

    @Test(arguments: ["lost_reply", "reset"]) func whileAnEndpointIsMadeNothingIsLost(fault: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await sandbox.fault(fault, of: "aws_sns", times: 1)
            try await clinic.configure(push: [
                .pushes(at: sandbox.url("aws_sns")), .pushes(at: sandbox.url("aws_sns")),
            ])
            let token = "a-device-token-\(clinic.clinic.low)"
            let message = try await clinic.settled(
                try await clinic.send(draft(to: Self.number(), [.push], token: token))
            )
            #expect(message.attempts.map(\.outcome) == [.transient, .accepted])
            #expect(try await sandbox.received(for: token).count == 1)
        }
    }
}

extension ProviderDraft {
    /// SMS through one of the providers; `wrong` with a credential that the sandbox refuses.
    static func texts(_ provider: String, at endpoint: String, wrong: Bool = false) -> ProviderDraft {
        if provider == "aws_sns" { return sns(at: endpoint, wrong ? "another-secret" : ProviderSamples.secretKey) }
        return twilio(
            at: endpoint,
            ["fromNumber": "+15005550006"],
            token: wrong ? "wrong-token-0001" : "auth-token-0001"
        )
    }

    static func whatsApp(at endpoint: String) -> ProviderDraft {
        twilio(at: endpoint, ["whatsappNumber": "+14155238886"], token: "auth-token-0001")
    }

    static func pushes(at endpoint: String) -> ProviderDraft {
        var draft = sns(at: endpoint, ProviderSamples.secretKey)
        draft.credentials["platformApplicationArn"] = "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic"
        return draft
    }

    private static func sns(at endpoint: String, _ secret: String) -> ProviderDraft {
        ProviderDraft(
            provider: "aws_sns",
            credentials: [
                "accessKeyId": .string(ProviderSamples.accessKey), "secretAccessKey": .string(secret),
                "region": "eu-west-1", "endpoint": .string(endpoint),
            ]
        )
    }

    private static func twilio(at endpoint: String, _ sender: [String: JSONValue], token: String) -> ProviderDraft {
        let account: [String: JSONValue] = [
            "accountSid": .string("AC" + String(repeating: "a", count: 32)), "authToken": .string(token),
            "endpoint": .string(endpoint),
        ]
        return ProviderDraft(provider: "twilio", credentials: account.merging(sender) { $1 })
    }
}

extension TestClinic {
    /// Chooses providers of several channels, the first of each primary.
    func configure(
        email: [ProviderDraft] = [],
        sms: [ProviderDraft] = [],
        whatsapp: [ProviderDraft] = [],
        push: [ProviderDraft] = []
    ) async throws {
        func channel(_ providers: [ProviderDraft]) -> ChannelDraft? {
            providers.first.map { ChannelDraft(primary: $0, fallback: Array(providers.dropFirst())) }
        }
        let draft = ConfigurationDraft(
            clinicId: clinic,
            email: channel(email),
            sms: channel(sms),
            whatsapp: channel(whatsapp),
            push: channel(push)
        )
        let answer = try await ask(Self.endpoints.configuration.put, draft, ifNoneMatch: "*")
        try #require(answer.status < 300, "\(String(describing: answer.problem))")
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig
import Resilience
import Sandbox
import TestKit
import Testing

@testable import Communication

/// Addresses in letters of all scripts, from the request to whoever carries the mail.
@Suite(.timeLimit(.minutes(3))) struct InternationalMailTests {
    private static let endpoints = MessageDesk.endpoints
    /// Its domain has no form in ASCII: the hyphens stand where A-labels have theirs.
    private static let impossible = "asha@aa--ü.example"

    private func draft(to address: String, replyTo: String? = nil) -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "See you soon."),
            replyTo: replyTo.flatMap { EmailAddress($0) }
        )
    }

    private func provider(_ name: String, at sandbox: SandboxPlace, from sender: String) throws -> ProviderDraft {
        var draft: ProviderDraft =
            switch name {
            case "zeptomail": .zeptomail(sandbox.zeptomail)
            case "smtp": .smtp(port: sandbox.smtpPort)
            default: try .named(name, at: sandbox.url(name))
            }
        draft.credentials["fromEmail"] = .string(sender)
        return draft
    }

    @Test(arguments: ["zeptomail", "aws_ses", "smtp", "sendgrid", "resend"])
    func eachIsHandedTheDomainInASCII(name: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let shown = try await clinic.configure(try provider(name, at: sandbox, from: "praxis@Bücher.example"))
            let id = try await clinic.send(draft(to: "asha@München.example", replyTo: "desk@παράδειγμα.example"))
            let message = try await clinic.settled(id, [.sent, .delivered, .failed])
            #expect(message.attempts.map(\.outcome) == [.accepted])
            let arrived = try await sandbox.received(for: "asha@xn--mnchen-3ya.example")
            #expect(arrived.map(\.provider) == [name])
            #expect(arrived.first?.message["from"]?.string?.contains("praxis@xn--bcher-kva.example") == true)
            #expect(try await sandbox.received(for: "asha@München.example").isEmpty)
            // The clinic sees what it wrote.
            #expect(message.to?.email?.address == "asha@München.example")
            #expect(shown.email?.primary.credentials["fromEmail"]?.string == "praxis@Bücher.example")
        }
    }

    @Test(arguments: ["zeptomail", "aws_ses", "smtp", "sendgrid", "resend"])
    func eachIsHandedANameInQuotes(name: String) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(try provider(name, at: sandbox, from: #""the clinic"@example.com"#))
            for (written, kept) in [
                (#""Asha \Rao"@example.com"#, #""Asha Rao"@example.com"#),
                (#""a@b>,"@example.com"#, #""a@b>,"@example.com"#),
                (#""ben.rao"@example.com"#, "ben.rao@example.com"),
            ] {
                let id = try await clinic.send(draft(to: written, replyTo: #""front desk"@example.com"#))
                let message = try await clinic.settled(id, [.sent, .delivered, .failed])
                #expect(message.attempts.map(\.outcome) == [.accepted])
                #expect(message.to?.email?.address == kept)
                let arrived = try await sandbox.received(for: kept)
                #expect(arrived.map(\.provider) == [name])
                #expect(arrived.first?.message["from"]?.string?.contains(#""the clinic"@example.com"#) == true)
                for spelling in [written, kept.uppercased()] {
                    let found = try await clinic.ask(
                        Self.endpoints.messages.list,
                        MessageListRequest(recipient: spelling)
                    )
                    #expect(found.output?.items.map(\.id) == [id], "\(spelling)")
                }
            }
        }
    }

    /// What libcurl would say otherwise than it is written goes by another provider.
    @Test func whatCannotBeSaidIsNotSaid() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                try provider("smtp", at: sandbox, from: "praxis@example.com"),
                .sendgrid(sandbox.url("sendgrid"))
            )
            let message = try await clinic.settled(try await clinic.send(to: #""a@ü"@example.com"#))
            #expect(message.attempts.map(\.outcome) == [.senderNotAuthorised, .accepted])
            #expect(try await sandbox.received(for: #""a@ü"@example.com"#).map(\.provider) == ["sendgrid"])
        }
    }

    @Test(arguments: ["Does not contain a valid address.", "Invalid `to` field.", "Local address contains dot-dot"])
    func whoReadsNoNameInQuotesIsKnownByTheAnswer(words: String) {
        let verdict =
            switch words.prefix(1) {
            case "D":
                SendGridReply.verdict(
                    RecordedAnswer(
                        400,
                        [],
                        #"{"errors":[{"message":"\#(words)","field":"personalizations.0.to.0.email"}]}"#
                    ).response,
                    at: ProviderSamples.time
                )
            case "I":
                ResendReply.verdict(
                    RecordedAnswer(422, [], #"{"name":"validation_error","message":"\#(words)"}"#).response
                )
            default:
                AWSSESReply.verdict(
                    RecordedAnswer(400, [("x-amzn-errortype", "BadRequestException")], #"{"message":"\#(words)"}"#)
                        .response
                )
            }
        #expect(verdict.isAboutSpelling)
    }

    @Test func aLiteralIsRefusedByName() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let body = #"{"to":{"email":"a@[192.0.2.1]"},"content":{"subject":"Hello","text":"Hello"}}"#
        let violations = try Schema.of(MessageDraft.self).violations(in: JSONTape(Array(body.utf8)))
        #expect(violations == [Problem.Fault(pointer: "/to/email", EmailAddress.complaint)])
        #expect(EmailAddress.complaint.contains("brackets"))
        let suppression = try await clinic.ask(
            Self.endpoints.suppressions.create,
            SuppressionDraft(channel: .email, address: "a@[192.0.2.1]")
        )
        #expect(suppression.status == 422 && suppression.pointers == ["/address"])
    }

    /// Whatever else stands in a request or a mail is ASCII or encoded, so that any other letter is an address's.
    @Test func noHeaderAndNoMemberHasAnotherForm() throws {
        let plain = EmailToSend(
            id: MessageID(),
            to: try #require(EmailAddress("asha@München.example")),
            replyTo: EmailAddress("desk@παράδειγμα.example"),
            subject: "Hello",
            text: "Hello",
            html: nil,
            attachments: [],
            date: ProviderSamples.time,
            key: "k1"
        )
        let email = try #require(plain.mailed)
        let credentials = ProviderSamples.credentials([
            "fromEmail": "praxis@bücher.example", "fromName": "Praxis", "region": "eu-west-1", "sendMailToken": "t",
            "host": "mail.example", "port": 587, "security": "starttls",
        ])
        let transports = try ProviderSamples.transports()
        let written = [
            try #require(ZeptoMailProvider(credentials, through: transports)).sending(email).body,
            try #require(AWSSESProvider(credentials, through: transports)).sending(email, at: .now()).body,
            try #require(SendGridProvider(credentials, through: transports)).sending(email).body,
            try #require(ResendProvider(credentials, through: transports)).sending(email).body,
            try #require(SMTPProvider(credentials, through: transports)).writing(email).bytes(),
        ]
        for bytes in written {
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(bytes.allSatisfy { $0 < 0x80 }, "\(text)")
            for address in [
                "asha@xn--mnchen-3ya.example", "desk@xn--hxajbheg2az3al.example", "praxis@xn--bcher-kva.example",
            ] { #expect(text.contains(address), "\(address) in \(text)") }
        }
    }

    @Test func whereNoMailCanTravelNobodyIsWrittenTo() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        for (draft, pointer) in [
            (draft(to: Self.impossible), "/to/email"),
            (draft(to: "a@example.com", replyTo: Self.impossible), "/replyTo"),
        ] {
            let answer = try await clinic.ask(Self.endpoints.messages.send, draft)
            #expect(answer.status == 422 && answer.pointers == [pointer])
            #expect("\(String(describing: answer.problem))".contains(DomainName.complaint))
        }
        let test = ConfigurationTest(
            clinicId: clinic.clinic,
            to: TestRecipient(email: EmailAddress(Self.impossible))
        )
        #expect(try await clinic.ask(Self.endpoints.configuration.test, test).pointers == ["/to/email"])
        let route = AlertRoute(
            alert: .deadLetters,
            to: [
                AlertRecipient(phone: PhoneNumber("+4915112345678")),
                AlertRecipient(email: EmailAddress(Self.impossible)),
            ]
        )
        #expect(throws: Problem.invalid("/routes/0/to/1/email", DomainName.complaint)) {
            try AlertRules.check([route])
        }
    }

    @Test(arguments: ["zeptomail", "aws_ses", "smtp", "sendgrid", "resend"])
    func nobodyWritesFromThereEither(name: String) async throws {
        let clinic = try TestClinic()
        var draft =
            try ["zeptomail": ProviderDraft.zeptomail(SandboxPlace.nowhere), "smtp": .smtp(port: 9)][name]
            ?? .named(name, at: SandboxPlace.nowhere)
        draft.credentials["fromEmail"] = .string(Self.impossible)
        let answer = try await clinic.ask(
            Self.endpoints.configuration.put,
            ConfigurationDraft(clinicId: clinic.clinic, email: ChannelDraft(primary: draft)),
            ifNoneMatch: "*"
        )
        #expect(answer.status == 422 && answer.pointers == ["/email/primary/credentials/fromEmail"])
    }

    /// The next provider has its turn, and nothing is held against the address or the one that cannot carry it.
    @Test(arguments: ["smtp", "aws_ses"]) func whereOneCannotCarryANameTheNextOneMay(name: String) async throws {
        var settings = SandboxSettings()
        settings.smtpOffersUTF8 = false
        try await SandboxPlace.with(settings) { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                try provider(name, at: sandbox, from: "praxis@example.com"),
                .sendgrid(sandbox.url("sendgrid"))
            )
            for _ in 0..<2 {
                let message = try await clinic.settled(try await clinic.send(to: "用户@例え.テスト"))
                #expect(message.attempts.map(\.outcome) == [.senderNotAuthorised, .accepted])
                #expect(message.attempts.first?.providerCode == "SMTPUTF8")
                #expect(message.attempts.first?.detail == ProviderVerdict.asciiOnlyDetail)
            }
            let arrived = try await sandbox.received(for: "用户@xn--r8jz45g.xn--zckzah")
            #expect(arrived.map(\.provider) == ["sendgrid", "sendgrid"])
            #expect(try await clinic.health().map(\.state) == [.closed, .closed])
            // Whoever has a name in ASCII is written to as before.
            let other = try await clinic.settled(try await clinic.send(to: "asha@例え.テスト"))
            #expect(other.attempts.map(\.provider) == [name])
        }
    }

    @Test func namesInOtherLettersArriveWhereTheyAreTaken() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let id = try await clinic.send(draft(to: "用户@例え.テスト", replyTo: "बैठक@example.com"))
            #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
            let arrived = try await sandbox.received(for: "用户@xn--r8jz45g.xn--zckzah")
            #expect(arrived.first?.message["headers"]?["Reply-To"]?.string == "<बैठक@example.com>")
        }
    }

    @Test func whatSESCannotCarryIsKnownBeforeACall() throws {
        let credentials = ProviderSamples.credentials(["region": "eu-west-1"])
        #expect(AWSSESProvider.faults(credentials, policy: try OutboundPolicy(allow: "public")).isEmpty)
        let other = ProviderSamples.credentials(["region": "eu-west-1", "fromEmail": "praxis-süd@example.com"])
        #expect(AWSSESProvider.faults(other, policy: try OutboundPolicy(allow: "public")).map(\.key) == ["fromEmail"])
        #expect(SendingRules.circuit(after: .asciiOnly(host: .untried)) == .settle(.neutral))
        #expect(SendingRules.circuit(after: .asciiOnly(host: .answered)) == .settle(.alive))
    }

    /// An address that was stored before is of no use, and nobody is called for it.
    @Test func whatWasAcceptedBeforeIsABadAddress() async throws {
        let credentials = ProviderSamples.credentials(["host": "127.0.0.1", "port": 9, "security": "none"])
        let provider = try #require(SMTPProvider(credentials, through: ProviderSamples.transports()))
        var email = try ProviderSamples.email(full: false)
        email.to = try #require(EmailAddress(Self.impossible))
        let verdict = await provider.send(OutgoingMessage.email(email), deadline: .after(.seconds(10)))
        #expect(verdict.outcome == .badRecipient && verdict.host == .untried && verdict.code == "domain")
        #expect(SendingRules.circuit(after: verdict) == .settle(.neutral))
    }
}

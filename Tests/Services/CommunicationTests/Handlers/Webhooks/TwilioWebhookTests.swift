import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import Sandbox

/// Twilio's callbacks from the signature to the message and the conversation.
@Suite(.timeLimit(.minutes(3))) struct TwilioWebhookTests {
    private static let endpoint = MessageDesk.endpoints.deliveries.receive
    private static let account = "AC" + String(repeating: "a", count: 32)
    private static let token = "auth-token-0001"
    private static let number = "+4915112345678"

    /// A callback as Twilio makes it; its signature is checked against the SDK's elsewhere.
    private struct Callback {
        var pairs: [(name: String, value: String)]
        var message: MessageID?
        var token = TwilioWebhookTests.token

        func headers(_ clinic: ClinicID) throws -> [String: String] {
            let query = message.map { "?message=\($0)" } ?? ""
            let url = "https://clinic.example/api/v1/webhooks/communication/twilio/\(clinic)\(query)"
            return ["X-Twilio-Signature": Sandbox.TwilioSignature.make(token, url, pairs)]
        }
    }

    private func tell(_ clinic: TestClinic, _ callback: Callback, as owner: ClinicID? = nil) async throws -> Int {
        let input = WebhookPayload(
            provider: "twilio",
            clinicId: clinic.clinic,
            message: callback.message,
            body: RawBody(Communication.FormBody.encode(callback.pairs))
        )
        let headers = try callback.headers(owner ?? clinic.clinic)
        return try await clinic.ask(Self.endpoint, input, as: .init(kind: .provider, id: "test"), headers: headers)
            .status
    }

    private func status(
        _ sid: String,
        _ status: String,
        code: String? = nil,
        account: String = account,
        to: String = number
    )
        -> Callback
    {
        var pairs: [(name: String, value: String)] = [
            ("MessageSid", sid), ("SmsSid", sid), ("MessageStatus", status), ("SmsStatus", status), ("To", to),
            ("From", "+15005550006"), ("AccountSid", account), ("ApiVersion", "2010-04-01"), ("ErrorMessage", ""),
        ]
        if let code { pairs.append(("ErrorCode", code)) }
        return Callback(pairs: pairs)
    }

    private func inbound(
        _ text: String,
        sid: String = "SM\(RequestID())",
        optOut: String? = nil,
        by channel: MessageChannel = .sms,
        to number: String = "+15005550006"
    ) -> Callback {
        let to = channel == .sms ? number : "whatsapp:+14155238886"
        var pairs: [(name: String, value: String)] = [
            ("MessageSid", sid), ("SmsSid", sid), ("SmsStatus", "received"), ("Body", text), ("To", to),
            ("From", Self.address(channel)), ("AccountSid", Self.account), ("NumMedia", "0"), ("FromCity", ""),
        ]
        if let optOut { pairs.append(("OptOutType", optOut)) }
        return Callback(pairs: pairs)
    }

    /// The patient's, as Twilio writes it.
    private static func address(_ channel: MessageChannel) -> String { channel == .sms ? number : "whatsapp:\(number)" }

    private func sent(_ clinic: TestClinic, _ channels: [MessageChannel] = [.sms], email: String? = nil) async throws
        -> (id: MessageID, sid: String)
    {
        let draft = MessageDraft(
            to: RecipientDraft(email: email.flatMap { EmailAddress($0) }, phone: PhoneNumber(Self.number)),
            channels: channels,
            content: MessageContent(subject: "Hello", text: "Hello")
        )
        let message = try await clinic.settled(try await clinic.send(draft))
        return (message.id, try #require(message.attempts.first?.providerMessageId))
    }

    private func clinic(_ sandbox: SandboxPlace) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(
            email: [.sendgrid(sandbox.url("sendgrid"))],
            sms: [.texts("twilio", at: sandbox.url("twilio"))],
            whatsapp: [.whatsApp(at: sandbox.url("twilio"))]
        )
        return clinic
    }

    @Test func itSaysWhatBecameOfAMessage() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let (delivered, bounced) = (try await sent(clinic), try await sent(clinic))
            // In any order, and what an earlier try left behind means nothing.
            #expect(try await tell(clinic, status(delivered.sid, "delivered", code: "30005")) == 204)
            #expect(try await tell(clinic, status(delivered.sid, "sent")) == 204)
            #expect(try await tell(clinic, status(delivered.sid, "undelivered", code: "30003")) == 204)
            let arrived = try await clinic.message(delivered.id)
            #expect(arrived.status == .delivered && arrived.attempts.map(\.failure) == [nil])
            #expect(try await tell(clinic, status(bounced.sid, "undelivered", code: "30005")) == 204)
            let failed = try await clinic.message(bounced.id)
            #expect(failed.status == .failed && failed.reason?.code == "hard_bounce")
            #expect(failed.attempts.map(\.failure?.providerCode) == ["30005"])
            // Nobody has the number any more: it is not called again.
            let draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Hello")
            )
            #expect(try await clinic.settled(try await clinic.send(draft), [.suppressed, .sent]).status == .suppressed)
        }
    }

    @Test func whatWasNotDeliveredGoesOnToTheNextChannel() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let message = try await sent(clinic, [.sms, .email], email: "t\(clinic.clinic.low)@example.com")
            #expect(try await tell(clinic, status(message.sid, "undelivered", code: "30007")) == 204)
            let moved = try await eventually("the next channel", within: .seconds(30)) {
                let message = try await clinic.message(message.id)
                return message.channel == .email && message.status == .sent ? message : nil
            }
            #expect(moved.attempts.map(\.channel) == [.sms, .email])
            // The first call was well; why the text did not arrive stands beside it.
            #expect(moved.attempts.map(\.outcome) == [.accepted, .accepted])
            let failure = try #require(moved.attempts.first?.failure)
            #expect(failure.code == "rejected" && failure.detail == DeliveryEvent.rejected.reason?.detail)
            #expect(failure.providerCode == "30007" && failure.at > moved.createdAt)
            #expect(moved.attempts.last?.failure == nil)
        }
    }

    /// Each text is taken, and only then is it told that the account sends none: somebody has to hear of that, once.
    @Test(arguments: [
        ("30002", AlertKind.credentialsRefused, AttemptOutcome.credentials),
        ("30034", .senderNotAuthorised, .senderNotAuthorised), ("63038", .quotaUsedUp, .quota),
    ]) func whatAnAccountDoesNotSendIsTold(code: String, alert: AlertKind, outcome: AttemptOutcome) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let email = "t\(clinic.clinic.low)@example.com"
            let first = try await sent(clinic, [.sms, .email], email: email)
            let second = try await sent(clinic, [.sms, .email], email: email)
            func texts() async throws -> EntryHealth {
                try #require(try await clinic.health().first { $0.channel == .sms })
            }
            #expect(try await texts().successRate == 1)
            for message in [first, second] {
                #expect(try await tell(clinic, status(message.sid, "undelivered", code: code)) == 204)
                let moved = try await eventually("the next channel", within: .seconds(30)) {
                    let message = try await clinic.message(message.id)
                    return message.channel == .email && message.status == .sent ? message : nil
                }
                // The message fares as with any other refusal.
                #expect(moved.attempts.map(\.outcome) == [.accepted, .accepted])
                let failure = try #require(moved.attempts.first?.failure)
                #expect(failure.code == "rejected" && failure.providerCode == code)
            }
            let told = try await clinic.desk.database.inspect(
                "select distinct alert, subject from alerts_told where clinic_id = \(clinic.clinic)"
            ) { rows -> [[String]] in try rows.map { [try $0[0], try $0[1]] } }
            #expect(told == [[alert.rawValue, "twilio (sms)"]])
            let refused = try await texts()
            #expect(refused.successRate == 0 && refused.lastError?.outcome == outcome)
            #expect(refused.lastError?.providerCode == code)
            // What arrived after all was sent.
            #expect(try await tell(clinic, status(second.sid, "delivered")) == 204)
            let mended = try await texts()
            #expect(mended.successRate == 0.5 && mended.lastError?.outcome == outcome)
            #expect(try await tell(clinic, status(first.sid, "delivered")) == 204)
            let well = try await texts()
            #expect(well.successRate == 1 && well.lastError == nil)
        }
    }

    /// What became of a message, and what somebody wrote: each fifty times at once, in one row.
    @Test func theSameFiftyTimesAtOnceIsOne() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let message = try await sent(clinic)
            let version = try await clinic.version(of: message.id)
            // The other way round, who writes would be there again.
            for callback in [inbound("I shall be late."), status(message.sid, "undelivered", code: "30005")] {
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<50 { group.addTask { try await tell(clinic, callback) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.count == 50 && statuses.allSatisfy { $0 < 300 })
            }
            let id = clinic.clinic
            for query: Query in [
                "select count(*) from delivery_events where clinic_id = \(id)",
                "select count(*) from inbound_messages where clinic_id = \(id)",
                "select count(*) from conversations where clinic_id = \(id)",
                "select count(*) from suppressions where clinic_id = \(id)",
            ] {
                let count: Int64 = try await clinic.desk.database.inspect(query) { try $0[0][0] }
                #expect(count == 1)
            }
            #expect(try await clinic.message(message.id).status == .failed)
            #expect(try await clinic.version(of: message.id) == version + 1)
        }
    }

    /// What was ended by a word is given back by one, whether the provider refuses at once or says so later.
    @Test(arguments: [MessageChannel.sms, .whatsapp])
    func startLiftsWhatACallbackToldOf(channel: MessageChannel) async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            func stopped(_ sid: String) async throws {
                let callback = status(sid, "failed", code: "21610", to: Self.address(channel))
                #expect(try await tell(clinic, callback) == 204)
            }
            func send(_ category: MessageCategory) async throws -> MessageStatus {
                let draft = MessageDraft(
                    to: RecipientDraft(phone: PhoneNumber(Self.number)),
                    channels: [channel],
                    content: MessageContent(text: "Hello"),
                    category: category
                )
                return try await clinic.settled(try await clinic.send(draft), [.sent, .suppressed]).status
            }
            #expect(try await tell(clinic, inbound("Hello", by: channel)) == 204)
            let first = try await sent(clinic, [channel])
            try await stopped(first.sid)
            #expect(try await clinic.message(first.id).reason?.code == "opted_out")
            #expect(try await clinic.suppressionReasons() == ["stop"])
            // The provider sends nothing to the number: no code either.
            for category in [MessageCategory.care, .security] {
                #expect(try await send(category) == .suppressed)
            }
            #expect(try await tell(clinic, inbound("START", by: channel)) == 204)
            #expect(try await clinic.suppressionReasons().isEmpty)
            let next = try await sent(clinic, [channel])
            // What was refused before they changed their mind, told late, is not what they want now.
            #expect(try await tell(clinic, inbound("START", by: channel)) == 204)
            try await stopped(next.sid)
            #expect(try await clinic.message(next.id).reason?.code == "opted_out")
            #expect(try await clinic.suppressionReasons().isEmpty)
            // Refused since then, it was ended again.
            try await stopped(try await sent(clinic, [channel]).sid)
            #expect(try await clinic.suppressionReasons() == ["stop"])
        }
    }

    /// One account may have several numbers, and its callbacks are signed alike.
    @Test func theNumberThatWasWrittenToAnswers() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            let first = ProviderDraft.texts("twilio", at: sandbox.url("twilio"))
            var second = first
            second.credentials["fromNumber"] = "+15005550020"
            try await clinic.configure(sms: [first, second])
            try await ToldVisit(clinic: clinic).tellOfClinic()
            var expected: [String] = []
            // The last is no entry's number: it is answered all the same.
            for (to, from) in [
                ("+15005550020", "+15005550020"), ("+15005550006", "+15005550006"), ("+15005550099", "+15005550006"),
            ] {
                expected.append(from)
                #expect(try await tell(clinic, inbound("HELP", to: to)) == 204)
                let arrived = try await eventually("the answer") {
                    let arrived = try await sandbox.received(for: Self.number)
                    return arrived.count == expected.count ? arrived.compactMap { $0.message["from"]?.string } : nil
                }
                #expect(arrived.sorted() == expected.sorted(), "\(to)")
            }
        }
    }

    /// Twilio confirms its own words by itself, and says so where the clinic has set them; all others are left to us.
    @Test func whatTwilioConfirmsIsNotConfirmedAgain() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await ToldVisit(clinic: clinic).tellOfClinic()
            for callback in [
                inbound("genug", optOut: "STOP"), inbound("wieder", optOut: "START"), inbound("stop"),
                inbound("UNSTOP"), inbound("ARRÊT"),
            ] {
                #expect(try await tell(clinic, callback) == 204)
            }
            func confirmed() async throws -> [String?] {
                let list = MessageListRequest(recipient: Self.number)
                let messages = try await clinic.ask(MessageDesk.endpoints.messages.list, list).output?.items ?? []
                return messages.filter { $0.status == .sent }.map(\.template)
            }
            try await eventually("a confirmation") { try await !confirmed().isEmpty }
            #expect(try await tell(clinic, inbound("UNSTOP")) == 204)
            // By WhatsApp Twilio knows no words by itself.
            #expect(try await tell(clinic, inbound("STOP", by: .whatsapp)) == 204)
            try await eventually("another one") { try await confirmed().count == 2 }
            try await clinic.silence()
            #expect(try await confirmed() == ["reply_stop", "reply_stop"])
            let arrived = try await sandbox.received(for: Self.number).compactMap { $0.message["channel"]?.string }
            #expect(arrived.sorted() == ["sms", "whatsapp"])
        }
    }

    @Test func aLostReplyIsResolvedByTheAddress() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            try await sandbox.fault("lost_reply", of: "twilio", times: 1)
            let draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Hello")
            )
            let id = try await clinic.send(draft)
            #expect(try await clinic.settled(id).status == .unknown)
            var callback = status("SM00000000000000000000000000000009", "delivered")
            callback.message = id
            #expect(try await tell(clinic, callback) == 204)
            #expect(try await clinic.message(id).status == .delivered)
        }
    }

    @Test func onlyTheClinicsOwnAccountIsBelieved() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try await clinic(sandbox), try await clinic(sandbox))
            let message = try await sent(clinic)
            let good = status(message.sid, "delivered")
            var forged = good
            forged.token = "guessed"
            #expect(try await tell(clinic, forged) == 401)
            #expect(
                try await tell(
                    clinic,
                    status(message.sid, "delivered", account: "AC" + String(repeating: "b", count: 32))
                ) == 401
            )
            // Signed for another clinic's address, though with the same token.
            #expect(try await tell(clinic, good, as: other.clinic) == 401)
            // Signed for a clinic that has no account.
            #expect(try await tell(try TestClinic(), good) == 401)
            #expect(try await tell(other, good) == 204)
            #expect(try await clinic.message(message.id).status == .sent)
            // A number's news come for its own channel.
            #expect(try await tell(clinic, status(message.sid, "delivered", to: "whatsapp:\(Self.number)")) == 204)
            #expect(try await clinic.message(message.id).status == .sent)
            #expect(try await tell(clinic, good) == 204)
            #expect(try await clinic.message(message.id).status == .delivered)
        }
    }

    @Test func theFormerTokenIsBelievedForADay() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let message = try await sent(clinic)
            let path = ConfigurationPath(clinicId: clinic.clinic)
            let present = try await clinic.ask(TestClinic.endpoints.configuration.read, path)
            let entry = try #require(present.output?.sms?.primary)
            var renewed = ProviderDraft.texts("twilio", at: sandbox.url("twilio"))
            renewed.id = entry.id
            renewed.credentials["authToken"] = "auth-token-0002"
            let draft = ConfigurationDraft(clinicId: clinic.clinic, sms: ChannelDraft(primary: renewed))
            let put = try await clinic.ask(TestClinic.endpoints.configuration.put, draft, ifMatch: present.version)
            #expect(put.status == 200)
            #expect(try await tell(clinic, status(message.sid, "delivered")) == 204)
            #expect(try await clinic.message(message.id).status == .delivered)
        }
    }

    @Test func whatPatientsWriteIsKeptOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let callback = inbound("Can I come at ten? 😀 & +1", sid: "SM00000000000000000000000000000007")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<10 { group.addTask { try await tell(clinic, callback) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 204, count: 10))
            let id = clinic.clinic
            let kept: Int64 = try await clinic.desk.database.inspect(
                "select count(*) from inbound_messages where clinic_id = \(id)"
            ) { try $0[0][0] }
            #expect(kept == 1)
            #expect(try await tell(clinic, inbound("whatever", optOut: "STOP")) == 204)
            let draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(Self.number)),
                channels: [.sms],
                content: MessageContent(text: "Hello")
            )
            #expect(try await clinic.settled(try await clinic.send(draft), [.suppressed, .sent]).status == .suppressed)
        }
    }
}

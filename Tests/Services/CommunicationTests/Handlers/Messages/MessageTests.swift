import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct MessageTests {
    private let endpoints = MessageDesk.endpoints.messages

    private func plain(_ address: String = "asha@example.com") throws -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "Good day.")
        )
    }

    @Test func whatIsRefusedAndWhy() async throws {
        let clinic = try TestClinic()
        #expect(try await clinic.ask(endpoints.send, plain()).code == "channel_not_configured")
        try await clinic.configure(.smtp(port: 9))
        var cases: [(MessageDraft, Int, String)] = []
        func add(_ status: Int, _ place: String, _ change: (inout MessageDraft) -> Void) throws {
            var draft = try plain()
            change(&draft)
            cases.append((draft, status, place))
        }
        try add(409, "channel_not_configured") { $0.channels = [.sms] }
        try add(422, "") { $0.content = nil }
        try add(422, "") { $0.template = BuiltInTemplates.appointmentReminder }
        try add(422, "/template") { ($0.template, $0.content) = ("no_such", nil) }
        try add(422, "/data/clinicName") { ($0.template, $0.content) = (BuiltInTemplates.appointmentReminder, nil) }
        try add(422, "/data") { $0.data = ["a": 1] }
        try add(422, "/content/subject") { $0.content?.subject = nil }
        try add(422, "/content/subject") { $0.content?.subject = "a\r\nBcc: eve@example.com" }
        try add(422, "/expiresAt") { $0.expiresAt = .now() - .seconds(1) }
        try add(422, "/sendAt") { $0.sendAt = .now() + .seconds(400 * 86_400) }
        try add(422, "/to") { $0.to = RecipientDraft() }
        try add(422, "/to/patientId") { $0.to = RecipientDraft(patientId: PatientID()) }
        for (draft, status, place) in cases {
            let answer = try await clinic.ask(endpoints.send, draft)
            #expect(answer.status == status)
            #expect(
                status == 409 ? answer.code == place : answer.pointers.first == place,
                "\(place) \(answer.pointers)"
            )
        }
        let stored = try await clinic.desk.database.inspect(
            "select count(*) from messages where clinic_id = \(clinic.clinic)"
        ) { try $0[0][0] as Int64 }
        #expect(stored == 0)
    }

    @Test func allThatIsWrongIsToldAtOnce() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = try plain()
        draft.channels = [.email, .email]
        draft.template = BuiltInTemplates.appointmentReminder
        draft.sendAt = .now() + .seconds(400 * 86_400)
        draft.expiresAt = .now() - .seconds(1)
        draft.headers = ["Bcc": "eve@example.com"]
        let program = AttachmentDraft(filename: "a.exe", contentType: "application/x-msdownload", content: "AAAA")
        draft.attachments = [program]
        let answer = try await clinic.ask(endpoints.send, draft)
        #expect(answer.status == 422 && answer.code == "invalid")
        #expect(
            answer.pointers.sorted() == [
                "", "/attachments/0/contentType", "/channels", "/expiresAt", "/headers/Bcc", "/sendAt",
            ]
        )
        let batch = try await clinic.ask(endpoints.sendBatch, MessageBatch(messages: [draft.json()]))
        #expect(batch.output?.items.first?.problem?.errors?.count == MessageBatchItem.Refusal.mostFaults)
    }

    /// What it says is wrong whoever it is for.
    @Test func whoIsUnknownHidesNothingElse() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = try plain()
        draft.to = RecipientDraft(patientId: PatientID())
        draft.content?.subject = nil
        draft.expiresAt = .now() - .seconds(1)
        let plain = try await clinic.ask(endpoints.send, draft)
        #expect(plain.pointers == ["/expiresAt", "/to/patientId", "/content/subject"])
        (draft.template, draft.content) = (BuiltInTemplates.appointmentReminder, nil)
        let filled = try await clinic.ask(endpoints.send, draft)
        #expect(filled.pointers.contains("/to/patientId") && filled.pointers.contains("/data/clinicName"))
        // By e-mail nobody is reached at a number.
        draft = try self.plain()
        draft.to = RecipientDraft(phone: PhoneNumber("+4915112345678"))
        draft.content?.subject = nil
        #expect(try await clinic.ask(endpoints.send, draft).pointers == ["/to", "/content/subject"])
    }

    /// What the clinic lacks is told of a message that could be sent.
    @Test func aFaultComesBeforeAConflict() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = try plain()
        draft.channels = [.sms]
        draft.expiresAt = .now() - .seconds(1)
        let wrong = try await clinic.ask(endpoints.send, draft)
        #expect(wrong.status == 422 && wrong.pointers == ["/expiresAt"])
        draft.expiresAt = nil
        let right = try await clinic.ask(endpoints.send, draft)
        #expect(right.status == 409 && right.code == "channel_not_configured")
    }

    @Test func criticalOnesNeedTheirOwnPermission() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = try plain()
        draft.priority = .critical
        #expect(try await clinic.ask(endpoints.send, draft, as: TestClinic.accountant).status == 403)
        #expect(try await clinic.ask(endpoints.send, draft).status == 202)
    }

    @Test func textAndAddressAreSealedAndShownToFew() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let mark = "secret-\(clinic.clinic)"
        var draft = try plain("\(clinic.clinic.low)@example.com")
        draft.content = MessageContent(subject: mark, text: mark)
        draft.sendAt = .now() + .seconds(3_600)
        let id = try await clinic.send(draft)
        let whole = try await clinic.message(id)
        #expect(whole.content?.text == mark && whole.to?.email == draft.to.email)
        let outside = try await clinic.message(id, as: TestClinic.accountant)
        #expect(outside.content == nil && outside.to == nil && outside.status == .queued)
        let address = "%\(clinic.clinic.low)@example.com%"
        let found = try await clinic.desk.database.inspect(
            """
            select count(*) from (select m::text as text from messages m union all select j::text from jobs j
            union all select encode(payload, 'escape') from jobs union all select encode(payload, 'escape') from outbox
            union all select encode(sealed, 'escape') from messages) as texts
            where text like \("%\(mark)%") or text like \(address)
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(found == 0)
    }

    @Test func theSameKeyAcceptsOnce() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let draft = try plain("once-\(clinic.clinic.low)@example.com")
            let first = try await clinic.ask(endpoints.send, draft, key: "booking-1")
            let second = try await clinic.ask(endpoints.send, draft, key: "booking-1")
            let id = try #require(first.output?.id)
            #expect(second.output?.id == id)
            #expect(first.location == "/api/v1/communication/messages/\(id)")
            #expect(try await clinic.settled(id).status == .sent)
            #expect(try await sandbox.received(for: "once-\(clinic.clinic.low)@example.com").count == 1)
        }
    }

    @Test func scheduledOnesCanBeCancelledAndSentOnesCannot() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            var draft = try plain()
            draft.sendAt = .now() + .seconds(3_600)
            let later = try await clinic.send(draft)
            let waiting = try await clinic.message(later)
            #expect(waiting.status == .queued && waiting.waitingFor == .schedule)
            #expect(waiting.nextAttemptAt.map { abs(($0 - Instant.now()).inSeconds - 3_600) < 60 } == true)
            let cancelled = try await clinic.ask(endpoints.cancel, MessagePath(id: later))
            #expect(cancelled.output?.status == .cancelled)
            #expect(try await clinic.ask(endpoints.cancel, MessagePath(id: later)).code == "not_cancellable")
            let now = try await clinic.send()
            #expect(try await clinic.settled(now).status == .sent)
            #expect(try await clinic.ask(endpoints.cancel, MessagePath(id: now)).status == 409)
            #expect(try await clinic.ask(endpoints.cancel, MessagePath(id: MessageID())).status == 404)
        }
    }

    /// Whoever is told that a message is cancelled has it cancelled, and whoever is told otherwise has it sent: at whatever moment.
    @Test func cancellingAndSendingAtOnceAgree() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let address = "race\(number)-\(clinic.clinic.low)@example.com"
                        let id = try await clinic.send(to: address)
                        // Some look first how far it is, so that not all come equally soon.
                        for _ in 0..<(number % 8) { _ = try await clinic.message(id) }
                        let answer = try await clinic.ask(endpoints.cancel, MessagePath(id: id))
                        #expect([200, 409].contains(answer.status))
                        let isCancelled = answer.status == 200
                        let message = try await clinic.settled(id)
                        #expect(message.status == (isCancelled ? .cancelled : .sent), "\(answer.status)")
                        #expect(message.attempts.isEmpty == isCancelled)
                        #expect(try await sandbox.received(for: address).count == (isCancelled ? 0 : 1))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func whatWouldBePassedOverIsRefused() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var draft = try plain("asha@example.com")
        draft.channels = [.email, .email]
        draft.locale = "no language"
        let answer = try await clinic.ask(endpoints.send, draft)
        #expect(answer.status == 422 && answer.pointers == ["/channels", "/locale"])
    }

    @Test func aBatchStandsAndFallsOneByOne() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let good: JSONValue = ["to": ["email": "a@example.com"], "content": ["subject": "S", "text": "T"]]
        let batch = try MessageBatch(messages: [
            good, ["to": ["email": "nobody"], "content": ["subject": "S", "text": "T"], "extra": 1],
            ["to": ["email": "b@example.com"], "channels": ["sms"], "content": ["text": "T"]], 7, good,
        ])
        let items = try #require(try await clinic.ask(endpoints.sendBatch, batch).output?.items)
        #expect(items.map(\.index) == [0, 1, 2, 3, 4])
        #expect(items.map { $0.id != nil } == [true, false, false, false, true])
        #expect(items[1].problem?.errors?.map(\.pointer).sorted() == ["/extra", "/to/email"])
        #expect(items[2].problem?.code == "channel_not_configured" && items[2].problem?.title == "Conflict")
        #expect(items[2].problem?.type == "urn:polyclinic:problem:channel_not_configured")
        #expect(items[2].problem?.retryable == false)
        #expect(items[3].problem?.status == 422)
        let listed = try #require(try await clinic.ask(endpoints.list, MessageListRequest()).output)
        #expect(listed.items.count == 2)
    }

    /// What one message has that no message may have is that message's fault alone.
    @Test func aBatchIsReadMessageByMessage() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let good = #"{"to":{"email":"a@example.com"},"content":{"subject":"S","text":"T"}}"#
        let messages = [
            good, #"{"to":{"email":"a@example.com"},"template":"t","data":{"x":1e400}}"#,
            #"{"to":{"email":"a@example.com"},"to":{"email":"b@example.com"},"content":{"text":"T"}}"#,
            #"{"to":{"email":"a@example.com"},"content":{"subject":"\u0000","text":"T"}}"#, good,
        ]
        let batch = MessageBatch(messages: messages.map { RawJSON(Array($0.utf8)) })
        let items = try #require(try await clinic.ask(endpoints.sendBatch, batch).output?.items)
        #expect(items.map { $0.id != nil } == [true, false, false, false, true])
        #expect(items.map { $0.problem?.errors?.first?.pointer } == [nil, "/data/x", "/to", "/content/subject", nil])
    }

    /// As many messages as there may be, as long as texts are.
    @Test func aWholeBatchFitsIntoARequest() throws {
        let text = String(repeating: "ä", count: TextToSend.longest)
        let draft = MessageDraft(
            to: RecipientDraft(
                email: EmailAddress("asha.rao@example.com"),
                phone: PhoneNumber("+4915112345678"),
                patientId: PatientID()
            ),
            channels: [.whatsapp, .sms],
            content: MessageContent(subject: "Your visit", text: text),
            category: .care,
            reference: "campaign:\(MessageID())"
        )
        let message = RawJSON(try JSONWriter.encode(draft))
        let batch = MessageBatch(messages: Array(repeating: message, count: MessageBatch.most))
        #expect(try JSONWriter.encode(batch).count < MessageBatch.mostBytes)
        #expect(endpoints.sendBatch.mostBytes == MessageBatch.mostBytes)
    }

    /// However much is wrong with it.
    @Test func aBatchOfMuchIsRepeatedUnderItsKey() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let faults = (0..<60).map { "\"unknown member \($0)\":1" }.joined(separator: ",")
        let messages = (0..<MessageBatch.most).map { number in
            number == 500 ? #"{"to":{"email":"a@example.com"},"content":{"subject":"S","text":"T"}}"# : "{\(faults)}"
        }
        let batch = MessageBatch(messages: messages.map { RawJSON(Array($0.utf8)) })
        let first = try #require(try await clinic.ask(endpoints.sendBatch, batch, key: "much").output?.items)
        #expect(first[0].problem?.errors?.count == MessageBatchItem.Refusal.mostFaults)
        let again = try await clinic.ask(endpoints.sendBatch, batch, key: "much").output?.items
        #expect(first[500].id != nil && again == first)
        #expect(try await clinic.ask(endpoints.list, MessageListRequest()).output?.items.count == 1)
    }

    @Test func listsAreFilteredAndPaged() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        var ids: [MessageID] = []
        for number in 0..<5 {
            var draft = try plain(number == 3 ? "ravi@example.com" : "asha@example.com")
            draft.sendAt = .now() + .seconds(3_600)
            draft.reference = number < 2 ? "visit-1" : nil
            draft.category = number == 4 ? .billing : .care
            ids.append(try await clinic.send(draft))
        }
        func list(_ request: MessageListRequest) async throws -> [MessageID] {
            try #require(try await clinic.ask(endpoints.list, request).output).items.map(\.id)
        }
        #expect(try await list(MessageListRequest()) == ids.reversed())
        #expect(try await list(MessageListRequest(recipient: "RAVI@example.com")) == [ids[3]])
        #expect(try await list(MessageListRequest(reference: "visit-1")) == [ids[1], ids[0]])
        #expect(try await list(MessageListRequest(category: .billing)) == [ids[4]])
        #expect(try await list(MessageListRequest(status: .sent)).isEmpty)
        #expect(try await list(MessageListRequest(to: .time(.now() - .seconds(60)))).isEmpty)
        var cursor: String?
        var seen: [MessageID] = []
        repeat {
            let page = try #require(
                try await clinic.ask(endpoints.list, MessageListRequest(limit: 2, cursor: cursor)).output
            )
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen == ids.reversed())
        (seen, cursor) = ([], nil)
        repeat {
            let request = MessageListRequest(sort: .oldestFirst, limit: 2, cursor: cursor)
            let page = try #require(try await clinic.ask(endpoints.list, request).output)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen == ids)
        let page = try #require(try await clinic.ask(endpoints.list, MessageListRequest(limit: 2)).output)
        let foreign = MessageListRequest(reference: "visit-1", limit: 2, cursor: page.nextCursor)
        #expect(try await clinic.ask(endpoints.list, foreign).status == 422)
        let turned = MessageListRequest(sort: .oldestFirst, limit: 2, cursor: page.nextCursor)
        #expect(try await clinic.ask(endpoints.list, turned).status == 422)
    }

    /// As by every other address that a message names.
    @Test func aPushTokenFindsItsMessages() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        // The longest there may be.
        let token = String(repeating: "fG:", count: 1_365) + "1"
        var ids: [MessageID] = []
        for place in [clinic, other] { try await place.configure(.smtp(port: 9)) }
        for (place, token) in [(clinic, token), (clinic, token), (clinic, "fGAnotherApp:APA91b"), (other, token)] {
            var draft = try plain("asha@example.com")
            draft.to.pushToken = token
            draft.sendAt = .now() + .seconds(3_600)
            ids.append(try await place.send(draft))
        }
        func list(_ place: TestClinic, _ recipient: String) async throws -> [MessageID] {
            let request = MessageListRequest(recipient: recipient)
            return try #require(try await place.ask(endpoints.list, request).output).items.map(\.id)
        }
        #expect(try await list(clinic, token) == [ids[1], ids[0]])
        #expect(try await list(clinic, "fGAnotherApp:APA91b") == [ids[2]])
        #expect(try await list(clinic, "fganotherapp:apa91B").isEmpty)
        #expect(try await list(other, token) == [ids[3]])
        #expect(try await list(other, "fGAnotherApp:APA91b").isEmpty)
        #expect(try await list(clinic, "asha@example.com") == [ids[2], ids[1], ids[0]])
        for nonsense in ["has blanks in it, so none", "too short"] {
            let request = MessageListRequest(recipient: nonsense)
            #expect(try await clinic.ask(endpoints.list, request).status == 422)
        }
    }

    @Test func anotherClinicsMessageIsNotThere() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let id = try await clinic.send()
        let other = try TestClinic()
        #expect(try await other.ask(endpoints.read, MessagePath(id: id)).status == 404)
        #expect(try await other.ask(endpoints.cancel, MessagePath(id: id)).status == 404)
        #expect(try await other.ask(endpoints.list, MessageListRequest()).output?.items.isEmpty == true)
    }

    @Test func patientsSeeTheirOwn() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = PatientID()
        var draft = try plain()
        draft.to.patientId = patient
        draft.sendAt = .now() + .seconds(3_600)
        let own = try await clinic.send(draft)
        let foreign = try await clinic.send()
        let principal = Principal(kind: .user, id: "\(UserID())", roles: ["PATIENT"], patient: patient)
        let scope = Scope.own(patient)
        let seen = try await clinic.ask(endpoints.list, MessageListRequest(), as: principal, scope: scope)
        #expect(seen.output?.items.map(\.id) == [own])
        #expect(
            try await clinic.ask(endpoints.read, MessagePath(id: foreign), as: principal, scope: scope).status == 404
        )
    }
}

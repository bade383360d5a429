import AccessAPI
import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

/// What access has people told about their accounts.
@Suite(.timeLimit(.minutes(2))) struct SecurityNoticeTests {
    private struct Request {
        let clinic: TestClinic
        let id = NoticeID()
        var template = NoticeTemplate.oneTimeCode
        var data: [String: JSONValue] = ["code": "481516", "minutes": 10]
        var expiresAt = Instant.now() + .seconds(600)
        /// Whose it is said to be when it is sealed.
        var sealedFor: ClinicID?

        var address: String { "n\(id.low)@example.com" }

        func event(_ eventID: EventID = EventID()) throws -> EventEnvelope {
            let content = NoticeContent(email: EmailAddress(address), phone: nil, data: data)
            let place = NoticeRequested.place(of: id, template, in: sealedFor ?? clinic.clinic)
            let sealed = try clinic.desk.accessSeal.seal(try JSONWriter.encode(content), for: place)
            return try EventEnvelope(
                NoticeRequested(
                    id: id,
                    userId: UserID(),
                    template: template,
                    locale: nil,
                    expiresAt: expiresAt,
                    sealed: RawBody(sealed)
                ),
                id: eventID,
                clinicId: clinic.clinic,
                actor: "user:1",
                at: .now(),
                aggregateId: "notice:\(id)",
                aggregateVersion: 1
            )
        }

        func messages() async throws -> [Message] {
            let list = MessageListRequest(reference: "notice:\(id)")
            return try #require(try await clinic.ask(MessageDesk.endpoints.messages.list, list).output).items
        }
    }

    private func clinic(smtp port: Int) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: port))
        return clinic
    }

    @Test func isSentOnceAndReadByNobodyElse() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(smtp: sandbox.smtpPort)
            let request = Request(clinic: clinic)
            let event = try request.event()
            try await clinic.desk.take(event)
            try await clinic.desk.take(event)
            // The clinic's own event may come after.
            try await ToldVisit(clinic: clinic).tellOfClinic()
            let message = try await eventually("the notice", within: .seconds(40)) {
                try await request.messages().first { $0.status == .sent }
            }
            #expect(message.template == "one_time_code" && message.category == .security)
            #expect(message.priority == .critical && message.expiresAt == request.expiresAt)
            // The admin may read messages, and still not this one's text.
            #expect(message.content == nil && message.to?.email?.address == request.address)
            #expect(try await clinic.message(message.id).content == nil)
            #expect(try await request.messages().count == 1)
            let received = try await sandbox.received(for: request.address)
            #expect(received.count == 1)
            let text = try JSONWriter.encode(try #require(received.first).message)
            #expect(String(decoding: text, as: UTF8.self).contains("Ihr Code ist 481516."))
            #expect(String(decoding: text, as: UTF8.self).contains("Lindenhof"))
        }
    }

    @Test func lateOnesAreNotSent() async throws {
        let clinic = try await clinic(smtp: 9)
        var request = Request(clinic: clinic)
        request.expiresAt = .now() - .seconds(1)
        try await clinic.desk.take(try request.event())
        let left = try await clinic.desk.database.inspect(
            """
            select (select count(*) from jobs where clinic_id = \(clinic.clinic))
                + (select count(*) from messages where clinic_id = \(clinic.clinic))
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(left == 0)
    }

    /// What waits is sealed: neither the code nor the address stands in the job.
    @Test func waitsSealed() async throws {
        let clinic = try await clinic(smtp: 9)
        let request = Request(clinic: clinic)
        try await clinic.desk.take(try request.event())
        let waiting = try await clinic.desk.database.inspect(
            "select convert_from(payload, 'UTF8') from jobs where clinic_id = \(clinic.clinic)"
        ) { rows -> [String] in try rows.map { try $0[0] } }
        let job = try #require(waiting.first)
        #expect(waiting.count == 1 && job.contains("\(request.id)"))
        #expect(!job.contains("481516") && !job.contains(request.address))
    }

    @Test func anotherClinicsNoticeIsNotTakenIn() async throws {
        let clinic = try await clinic(smtp: 9)
        var request = Request(clinic: clinic)
        request.sealedFor = ClinicID()
        let event = try request.event()
        await #expect(throws: EdgeSealError.forged) { try await clinic.desk.take(event) }
    }

    @Test func isForNobodyElseToSend() async throws {
        let clinic = try await clinic(smtp: 9)
        for template in NoticeTemplate.allCases {
            let draft = MessageDraft(
                to: RecipientDraft(email: EmailAddress("asha@example.com")),
                template: template.rawValue,
                data: ["clinicName": "C", "code": "1", "link": "https://l", "minutes": 1, "personName": "P"]
            )
            let answer = try await clinic.ask(MessageDesk.endpoints.messages.send, draft)
            #expect(answer.status == 422 && answer.pointers == ["/template"], "\(template)")
        }
    }
}

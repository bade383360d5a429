import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// Countries' rules where messages are accepted: what breaks one is refused by its name, alone and in a batch.
@Suite(.timeLimit(.minutes(1))) struct CountryTests {
    private static let newYork = "+12125550123"
    private static let mumbai = "+919876543210"

    private func draft(
        _ phone: String,
        _ text: String = "All the best.",
        _ category: MessageCategory = .marketing,
        channels: [MessageChannel] = [.sms],
        sendAt: Instant? = nil
    ) throws -> MessageDraft {
        MessageDraft(
            to: RecipientDraft(email: EmailAddress("asha@example.com"), phone: PhoneNumber(phone)),
            channels: channels,
            content: MessageContent(subject: "Hello", text: text),
            category: category,
            sendAt: sendAt
        )
    }

    private func clinic(_ rules: CountryRegistrations) async throws -> TestClinic {
        let clinic = try TestClinic()
        try await clinic.configure(
            email: [.smtp(port: 9)],
            sms: [.twilio(SandboxPlace.nowhere)],
            settings: CommunicationSettings(countryRules: rules)
        )
        return clinic
    }

    private func answer(_ draft: MessageDraft, _ clinic: TestClinic) async throws -> String {
        let answer = try await clinic.ask(MessageDesk.endpoints.messages.send, draft)
        return answer.code ?? "\(answer.status)"
    }

    /// Two days from now, at an hour in UTC.
    private func moment(atHour hour: Int64) -> Instant {
        let day = Instant.now().seconds.flooredDivision(by: 86_400) + 2
        return Instant(seconds: day * 86_400 + hour * 3_600)
    }

    @Test func withoutACampaignNoTextGoesToTheUnitedStates() async throws {
        let clinic = try await clinic(.init(unitedStates: .init(registered: false)))
        #expect(try await answer(try draft(Self.newYork, "Hello.", .care), clinic) == "us_10dlc")
        // The rule is about texts by SMS: where another channel was asked for, it goes there.
        #expect(try await answer(try draft(Self.newYork, "Hello.", .care, channels: [.email]), clinic) == "202")
        #expect(try await answer(try draft(Self.mumbai, "Hello.", .care), clinic) == "202")
    }

    @Test func nobodyIsSoldAnythingAtNight() async throws {
        let clinic = try await clinic(.init(unitedStates: .init(registered: true)))
        // 7:00 UTC is the middle of the night there, 17:00 is noon.
        let (night, noon) = (moment(atHour: 7), moment(atHour: 17))
        #expect(try await answer(try draft(Self.newYork, sendAt: night), clinic) == "us_calling_hours")
        #expect(try await answer(try draft(Self.newYork, sendAt: noon), clinic) == "202")
        #expect(try await answer(try draft(Self.newYork, "Your visit.", .care, sendAt: night), clinic) == "202")
    }

    @Test func aBatchIsToldOfEachByItself() async throws {
        let india = IndiaRegistration(
            entityId: "1101456070000012345",
            header: "CLINIC",
            templates: [DLTTemplate(id: "1107160000000000001", text: "Dear {#var#}, we expect you on {#var#}.")]
        )
        let clinic = try await clinic(.init(india: india, unitedStates: .init(registered: false)))
        let drafts = [
            try draft(Self.mumbai, "Dear Asha, we expect you on Monday.", .care),
            try draft(Self.mumbai, "Hi Asha, see you on Monday.", .care), try draft(Self.newYork, "Hello.", .care),
        ]
        let batch = try MessageBatch(
            messages: try drafts.map { try JSONTape(JSONWriter.encode($0)).decode(JSONValue.self) }
        )
        let answer = try await clinic.ask(MessageDesk.endpoints.messages.sendBatch, batch)
        let items = try #require(answer.output?.items, "\(String(describing: answer.problem))")
        #expect(items.map { $0.problem?.code } == [nil, "in_dlt_template", "us_10dlc"])
        #expect(items.map { $0.id != nil } == [true, false, false])
    }
}

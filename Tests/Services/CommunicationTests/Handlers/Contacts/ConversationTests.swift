import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What people have written is there to be read by whoever may.
@Suite(.timeLimit(.minutes(2))) struct ConversationTests {
    private static let endpoints = MessageDesk.endpoints.conversations

    private func write(_ clinic: TestClinic, _ text: String, from number: String) async throws {
        let inbound = InboundText(
            channel: .sms,
            to: "+15005550006",
            from: try #require(PhoneNumber(number)),
            text: text,
            media: [],
            providerMessageID: "SM\(RequestID())"
        )
        try await clinic.take(inbound)
    }

    private func conversations(
        _ clinic: TestClinic,
        _ search: ConversationSearch = .init(),
        scope: Scope = .clinic
    ) async throws -> [Conversation] {
        try #require(try await clinic.ask(Self.endpoints.list, search, scope: scope).output).items
    }

    private func texts(_ clinic: TestClinic, _ conversation: Conversation) async throws -> [InboundMessage] {
        let search = InboundMessageSearch(id: conversation.id)
        return try #require(try await clinic.ask(Self.endpoints.messages, search).output).items
    }

    @Test func theInboxShowsWhatWasWritten() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        #expect(try await conversations(clinic).isEmpty)
        try await write(clinic, "Can I bring my child?", from: "+4915112345671")
        try await write(clinic, "CONFIRM", from: "+4915112345672")
        try await write(clinic, "Thank you", from: "+4915112345671")
        let found = try await conversations(clinic)
        #expect(found.map(\.address) == ["+4915112345671", "+4915112345672"])
        #expect(found.allSatisfy { $0.channel == .sms && $0.patientIds.isEmpty && $0.heardAt >= $0.openedAt })
        let written = try await texts(clinic, found[0])
        #expect(written.map(\.text) == ["Thank you", "Can I bring my child?"])
        #expect(written.allSatisfy { $0.command == nil && $0.answerId == nil && $0.files.isEmpty })
        #expect(try await texts(clinic, found[1]).map(\.command) == ["confirm"])
        // Another clinic has none of it.
        #expect(try await conversations(other).isEmpty)
        let foreign = try await other.ask(Self.endpoints.messages, InboundMessageSearch(id: found[0].id))
        #expect(foreign.status == 404)
    }

    @Test func patientsSeeTheirOwn() async throws {
        let clinic = try TestClinic()
        let visit = ToldVisit(clinic: clinic, phone: PhoneNumber("+4915112345671"))
        try await visit.tellOfPeople()
        try await write(clinic, "Mine", from: "+4915112345671")
        try await write(clinic, "Another's", from: "+4915112345672")
        let own = try await conversations(clinic, scope: .own(visit.patient))
        #expect(own.map(\.address) == ["+4915112345671"] && own.first?.patientIds == [visit.patient])
        #expect(try await conversations(clinic, .init(patientId: visit.patient)) == own)
        #expect(try await conversations(clinic, scope: .own(PatientID())).isEmpty)
        let all = try await conversations(clinic)
        let foreign = try #require(all.first { $0.address == "+4915112345672" })
        for (conversation, status) in [(foreign, 404), (own[0], 200)] {
            let search = InboundMessageSearch(id: conversation.id)
            let answer = try await clinic.ask(Self.endpoints.messages, search, scope: .own(visit.patient))
            #expect(answer.status == status)
        }
    }

    @Test func pagesFollowOneAnother() async throws {
        let clinic = try TestClinic()
        for number in 0..<3 { try await write(clinic, "Text", from: "+491511234567\(number)") }
        for number in 0..<3 { try await write(clinic, "Text \(number)", from: "+4915112345679") }
        let first = try #require(try await clinic.ask(Self.endpoints.list, ConversationSearch(limit: 3)).output)
        let rest = ConversationSearch(limit: 3, cursor: first.nextCursor)
        let second = try #require(try await clinic.ask(Self.endpoints.list, rest).output)
        #expect((first.items + second.items).map(\.address?.last) == ["9", "2", "1", "0"] && second.nextCursor == nil)
        var search = InboundMessageSearch(id: first.items[0].id, limit: 2)
        let newest = try #require(try await clinic.ask(Self.endpoints.messages, search).output)
        search.cursor = newest.nextCursor
        let oldest = try #require(try await clinic.ask(Self.endpoints.messages, search).output)
        #expect((newest.items + oldest.items).map(\.text) == ["Text 2", "Text 1", "Text 0"])
        search.sort = .oldestFirst
        search.cursor = nil
        let begun = try #require(try await clinic.ask(Self.endpoints.messages, search).output)
        search.cursor = begun.nextCursor
        let ended = try #require(try await clinic.ask(Self.endpoints.messages, search).output)
        #expect((begun.items + ended.items).map(\.text) == ["Text 0", "Text 1", "Text 2"])
        var turned = ConversationSearch(sort: .heardFirstFirst, limit: 3)
        let early = try #require(try await clinic.ask(Self.endpoints.list, turned).output)
        turned.cursor = early.nextCursor
        let late = try #require(try await clinic.ask(Self.endpoints.list, turned).output)
        #expect((early.items + late.items).map(\.address?.last) == ["0", "1", "2", "9"])
        // A cursor belongs to the list that it came from.
        let astray = ConversationSearch(cursor: newest.nextCursor)
        #expect(try await clinic.ask(Self.endpoints.list, astray).status == 422)
    }
}

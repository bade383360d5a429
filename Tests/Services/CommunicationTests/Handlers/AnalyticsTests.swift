import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct AnalyticsTests {
    private let endpoint = MessageDesk.endpoints.analytics.read
    private static let start = Instant(seconds: 1_767_225_600)  // 2026-01-01

    /// A message as it may stand, by chance.
    private struct Made: Sendable {
        let status = MessageStatus.allCases.randomElement() ?? .sent
        let channels = [MessageChannel.email, .sms].shuffled()
        let channel: MessageChannel?
        let template = ["appointment_reminder", "payment_received", nil].randomElement() ?? nil
        let provider = ["smtp", "resend", nil].randomElement() ?? nil
        let at = AnalyticsTests.start + .seconds(Int64.random(in: 0..<(10 * 86_400)))

        init() { channel = Bool.random() ? channels.last : nil }
    }

    private func make(_ count: Int, _ clinic: TestClinic) async throws -> [Made] {
        let made = (0..<count).map { _ in Made() }
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            for message in made {
                tx.execute(
                    """
                    insert into messages (clinic_id, id, status, channels, channel, provider, template, category, priority,
                        sealed, created_by, created_at, updated_at)
                    values (clinic_id(), \(MessageID()), \(message.status.rawValue), \(message.channels.map(\.rawValue)),
                        \(message.channel?.rawValue), \(message.provider), \(message.template), 'care', 'normal', \([1] as [UInt8]),
                        'test', \(message.at), \(message.at))
                    """
                )
            }
            try tx.flush()
        }
        return made
    }

    private func ask(
        _ clinic: TestClinic,
        _ by: AnalyticsDimension,
        from: Instant = start,
        to: Instant = start + .seconds(10 * 86_400)
    ) async throws -> [MessageCount] {
        let answer = try await clinic.ask(endpoint, AnalyticsRequest(from: .time(from), to: .time(to), by: by))
        return try #require(answer.output?.items, "\(String(describing: answer.problem))")
    }

    /// By status what a row says.
    private func numbers(_ row: MessageCount) -> [MessageStatus: Int] {
        [
            .queued: row.queued, .sending: row.sending, .sent: row.sent, .delivered: row.delivered, .opened: row.opened,
            .failed: row.failed, .suppressed: row.suppressed, .cancelled: row.cancelled, .expired: row.expired,
            .unknown: row.unknown,
        ]
    }

    @Test(arguments: AnalyticsDimension.allCases) func theyAreTheMessagesCounted(by: AnalyticsDimension) async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let made = try await make(400, clinic)
        _ = try await make(20, other)
        let rows = try await ask(clinic, by)
        let groups = Dictionary(grouping: made) { message -> String? in
            switch by {
            case .channel: (message.channel ?? message.channels[0]).rawValue
            case .template: message.template
            case .provider: message.provider
            case .day: String(message.at.rfc3339.prefix(10))
            }
        }
        #expect(Set(rows.map(\.key)) == Set(groups.keys) && rows.count == groups.count)
        for row in rows {
            let group = groups[row.key] ?? []
            #expect(row.total == group.count)
            for status in MessageStatus.allCases {
                #expect(numbers(row)[status] == group.count { $0.status == status }, "\(row.key ?? "none") \(status)")
            }
        }
        #expect(rows.reduce(0) { $0 + $1.total } == 400)
    }

    @Test func whatIsCountedUnderAChannelIsListedUnderIt() async throws {
        let clinic = try TestClinic()
        _ = try await make(100, clinic)
        let messages = MessageDesk.endpoints.messages
        for row in try await ask(clinic, .channel) {
            let request = MessageListRequest(channel: row.key.flatMap { MessageChannel(rawValue: $0) }, limit: 100)
            let listed = try #require(try await clinic.ask(messages.list, request, as: TestClinic.accountant).output)
                .items
            #expect(listed.count == row.total && row.total > 0)
        }
    }

    @Test func aPartIsCountedToo() async throws {
        let clinic = try TestClinic()
        let made = try await make(200, clinic)
        let (from, to) = (Self.start + .seconds(2 * 86_400), Self.start + .seconds(5 * 86_400 + 7))
        let rows = try await ask(clinic, .channel, from: from, to: to)
        #expect(rows.reduce(0) { $0 + $1.total } == made.count { $0.at >= from && $0.at < to })
    }

    @Test func daysAreTheClinics() throws {
        let now = try #require(Instant(rfc3339: "2026-11-21T20:00:00Z"))
        func span(_ from: String?, _ to: String?) throws -> [String] {
            let request = AnalyticsRequest(from: from.flatMap { DayOrTime($0) }, to: to.flatMap { DayOrTime($0) })
            let span = try AnalyticsSpan(request, zone: TimeZoneName("Asia/Kolkata"), now: now)
            #expect(span.by == .day)
            return [span.from.rfc3339, span.to.rfc3339]
        }
        #expect(try span("2026-11-20", "2026-11-21") == ["2026-11-19T18:30:00Z", "2026-11-21T18:30:00Z"])
        #expect(try span("2026-11-21", "2026-11-21") == ["2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z"])
        #expect(try span("2026-11-21T08:00:00+02:00", nil) == ["2026-11-21T06:00:00Z", "2026-11-21T20:00:00Z"])
        #expect(try span(nil, nil) == ["2026-10-22T20:00:00Z", "2026-11-21T20:00:00Z"])
        #expect(throws: Problem.self) { try span("2026-11-22", "2026-11-21") }
        #expect(throws: Problem.self) { try span("2025-11-20", "2026-11-21") }
        #expect(try span("2025-11-21", "2026-11-21").count == 2)
        for none in ["", "2026-02-30", "2026-11-21T08:00:00", "yesterday"] { #expect(DayOrTime(none) == nil) }
    }

    @Test func theTimeIsBounded() async throws {
        let clinic = try TestClinic()
        for (from, to) in [(1, 1), (2, 1), (0, 367 * 86_400)] {
            let request = AnalyticsRequest(
                from: .time(Instant(seconds: Int64(from))),
                to: .time(Instant(seconds: Int64(to)))
            )
            let answer = try await clinic.ask(endpoint, request)
            #expect(answer.status == 422)
        }
        #expect(try await ask(clinic, .day).isEmpty)
    }

    /// However many messages there are.
    @Test(arguments: AnalyticsDimension.allCases) func noMessageOutsideTheTimeIsRead(by: AnalyticsDimension)
        async throws
    {
        let clinic = try TestClinic()
        _ = try await make(2_000, clinic)
        // With what the planner knew of a smaller table any index of the clinic's would do.
        try clinic.desk.database.asOwner("analyze \(clinic.desk.database.schema).messages")
        let span = AnalyticsSpan(from: Self.start, to: Self.start + .seconds(60), by: by)
        let plan = try await clinic.desk.database.database.transaction(
            for: Tenant(clinic.clinic, actor: "test")
        ) { tx -> [String] in
            // A table as small as this one would be read whole.
            tx.execute("set local enable_seqscan = off")
            let rows = try tx.rows("explain " + AnalyticsStore.query(span, zone: TimeZoneName("Europe/Berlin")))
            return try rows.map { try $0[0] }
        }
        #expect(plan.contains { $0.contains("messages_newest") }, "\(plan)")
        #expect(plan.contains { $0.contains("Index Cond") && $0.contains("created_at") }, "\(plan)")
    }
}

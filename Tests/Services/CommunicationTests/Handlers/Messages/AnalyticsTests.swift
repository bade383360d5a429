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
        /// Who was called last, by which channel.
        let called: Call?
        let at = AnalyticsTests.start + .seconds(Int64.random(in: 0..<(10 * 86_400)))

        /// What a message is counted under that ended without a provider that took it.
        var lastCall: Call? { [.failed, .unknown, .expired].contains(status) ? called : nil }

        init() {
            channel = Bool.random() ? channels.last : nil
            called =
                [Call(channel: .sms, provider: "twilio"), Call(channel: .email, provider: "smtp"), nil].randomElement()
                ?? nil
        }
    }

    /// A provider that was called, or passed over.
    private struct Call: Sendable {
        var channel: MessageChannel
        var provider: String
        var outcome = AttemptOutcome.contentRejected
        /// Millionths of a dollar.
        var cost: Int64?
    }

    private func make(_ count: Int, _ clinic: TestClinic) async throws -> [Made] {
        let made = (0..<count).map { _ in Made() }
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            for message in made {
                let id = MessageID()
                tx.execute(
                    """
                    insert into messages (clinic_id, id, status, channels, channel, provider, template, category, priority,
                        sealed, created_by, created_at, updated_at)
                    values (clinic_id(), \(id), \(message.status.rawValue), \(message.channels.map(\.rawValue)),
                        \(message.channel?.rawValue), \(message.provider), \(message.template), 'care', 'normal', \([1] as [UInt8]),
                        'test', \(message.at), \(message.at))
                    """
                )
                Self.note(message.called.map { [$0] } ?? [], of: id, at: message.at, in: tx)
            }
            try tx.flush()
        }
        return made
    }

    private static func note(_ calls: [Call], of message: MessageID, at: Instant, in tx: borrowing Transaction) {
        for (number, call) in calls.enumerated() {
            tx.execute(
                """
                insert into message_attempts (clinic_id, message_id, number, channel, provider, entry_id, fingerprint, started_at,
                    outcome, cost_micros, cost_currency)
                values (clinic_id(), \(message), \(number + 1), \(call.channel.rawValue), \(call.provider), \(RequestID()), '', \(at),
                    \(call.outcome.rawValue), \(call.cost), \(call.cost.map { _ in "USD" }))
                """
            )
        }
    }

    /// A message that may go by both channels, as it stands after some calls.
    private func make(
        _ status: MessageStatus,
        by channel: MessageChannel?,
        _ provider: String?,
        after calls: [Call],
        settled: Int = 0,
        _ clinic: TestClinic
    ) async throws -> MessageID {
        let (id, at) = (MessageID(), Self.start + .seconds(60))
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            tx.execute(
                """
                insert into messages (clinic_id, id, status, channels, channel, provider, category, priority, sealed, created_by,
                    created_at, updated_at, settled_attempts)
                values (clinic_id(), \(id), \(status.rawValue), array['email', 'sms'], \(channel?.rawValue), \(provider), 'care',
                    'normal', \([1] as [UInt8]), 'test', \(at), \(at), \(settled))
                """
            )
            Self.note(calls, of: id, at: at, in: tx)
            try tx.flush()
        }
        return id
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
            case .channel: (message.channel ?? message.lastCall?.channel ?? message.channels[0]).rawValue
            case .template: message.template
            case .provider: message.provider ?? message.lastCall?.provider
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

    private func listed(_ clinic: TestClinic, _ request: MessageListRequest) async throws -> [MessageID] {
        let answer = try await clinic.ask(MessageDesk.endpoints.messages.list, request, as: TestClinic.accountant)
        return try #require(answer.output, "\(String(describing: answer.problem))").items.map(\.id)
    }

    @Test func whatIsCountedUnderAChannelOrProviderIsListedUnderIt() async throws {
        let clinic = try TestClinic()
        _ = try await make(100, clinic)
        for row in try await ask(clinic, .channel) {
            let request = MessageListRequest(channel: row.key.flatMap { MessageChannel(rawValue: $0) }, limit: 100)
            let found = try await listed(clinic, request)
            #expect(found.count == row.total && row.total > 0)
        }
        for row in try await ask(clinic, .provider) where row.key != nil {
            let request = MessageListRequest(provider: row.key, limit: 100)
            let found = try await listed(clinic, request)
            #expect(found.count == row.total && row.total > 0)
        }
    }

    /// The same words mean the same days, the last one included.
    @Test func theDaysThatAreCountedAreListed() async throws {
        let clinic = try TestClinic()
        try await clinic.tellOfItself(zone: "Asia/Kolkata")
        let made = try await make(100, clinic)
        let (from, to) = (DayOrTime("2026-01-03"), DayOrTime("2026-01-05"))
        let start = try #require(Instant(rfc3339: "2026-01-02T18:30:00Z"))
        let expected = made.count { $0.at >= start && $0.at < start + .seconds(3 * 86_400) }
        let counted = try await clinic.ask(endpoint, AnalyticsRequest(from: from, to: to)).output?.items
        #expect(counted?.reduce(0) { $0 + $1.total } == expected)
        let list = MessageDesk.endpoints.messages.list
        var seen: [MessageID] = []
        var cursor: String?
        repeat {
            let request = MessageListRequest(from: from, to: to, limit: 10, cursor: cursor)
            let page = try #require(try await clinic.ask(list, request, as: TestClinic.accountant).output)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == expected && Set(seen).count == expected)
    }

    /// A provider that refuses a message fails with it, though it never took it.
    @Test func whatNobodyTookStandsUnderWhoWasCalledLast() async throws {
        let clinic = try TestClinic()
        let calls = [
            Call(channel: .email, provider: "smtp", outcome: .badRecipient), Call(channel: .sms, provider: "twilio"),
            Call(channel: .sms, provider: "aws_sns", outcome: .skippedCircuitOpen),
        ]
        let failed = try await make(.failed, by: nil, nil, after: calls, clinic)
        let passedOver = try await make(.failed, by: nil, nil, after: Array(calls.suffix(1)), clinic)
        let again = try await make(.failed, by: nil, nil, after: calls, settled: 3, clinic)
        let providers = try await ask(clinic, .provider)
        #expect(providers.map(\.key) == ["twilio", nil])
        #expect(providers.map(\.failed) == [1, 2] && providers.map(\.total) == [1, 2])
        let channels = try await ask(clinic, .channel)
        #expect(channels.map(\.key) == ["email", "sms"])
        #expect(channels.map(\.failed) == [2, 1] && channels.map(\.total) == [2, 1])
        #expect(try await listed(clinic, MessageListRequest(provider: "twilio")) == [failed])
        #expect(try await listed(clinic, MessageListRequest(channel: .sms)) == [failed])
        for provider in ["smtp", "aws_sns"] {
            #expect(try await listed(clinic, MessageListRequest(provider: provider)).isEmpty)
        }
        let mails = try await listed(clinic, MessageListRequest(channel: .email))
        #expect(Set(mails) == [passedOver, again] && mails.count == 2)
    }

    /// A text that was paid for and did not arrive is not paid for to whoever sent the e-mail after it.
    @Test func eachIsPaidForItsOwnCalls() async throws {
        let clinic = try TestClinic()
        let text = Call(channel: .sms, provider: "twilio", outcome: .accepted, cost: 50_000)
        let mail = Call(channel: .email, provider: "smtp", outcome: .accepted)
        let priced = Call(channel: .email, provider: "resend", outcome: .accepted, cost: 400)
        for calls in [[text, mail], [text, priced]] {
            _ = try await make(.sent, by: .email, calls[1].provider, after: calls, clinic)
        }
        func dollars(_ micros: Int64) -> [MessageCost] { [MessageCost(micros: micros, currency: "USD")] }
        let providers = try await ask(clinic, .provider)
        #expect(providers.map(\.key) == ["resend", "smtp", "twilio"])
        #expect(providers.map(\.total) == [1, 1, 0] && providers.map(\.sent) == [1, 1, 0])
        #expect(providers.map(\.costs) == [dollars(400), [], dollars(100_000)])
        let channels = try await ask(clinic, .channel)
        #expect(channels.map(\.key) == ["email", "sms"] && channels.map(\.total) == [2, 0])
        #expect(channels.map(\.costs) == [dollars(400), dollars(100_000)])
        for by in [AnalyticsDimension.day, .template] {
            let rows = try await ask(clinic, by)
            #expect(rows.map(\.total) == [2] && rows.map(\.costs) == [dollars(100_400)])
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
        #expect(!plan.contains { $0.contains("Seq Scan") }, "\(plan)")
    }
}

import Core
import Postgres
import TestKit
import Testing

@Suite(.timeLimit(.minutes(1))) struct RowSeriesTests {
    private struct Undone: Error {}

    /// Numbers of one transaction that inserts a row, and ends as told.
    private func take(_ count: Int, of database: Database, ending end: End) async throws -> RowNumbers? {
        let tenant = Playground.tenant()
        return try? await database.transaction(for: tenant) { tx in
            let numbers = tx.number(count)
            tx.execute("insert into notes (clinic_id, id) values (\(tenant.clinic), 1)")
            switch end {
            case .committed: break
            case .atOnce: _ = try tx.last("select 1")
            case .thrown:
                try tx.flush()
                throw Undone()
            case .failed: tx.execute("insert into notes (clinic_id, id) values (\(tenant.clinic), 1)")
            }
            return numbers
        }
    }

    private enum End: CaseIterable { case committed, atOnce, thrown, failed }

    @Test func whatIsUndoneTakesNoNumber() async throws {
        let database = try Playground.open().pool { $0.requestConnections = 1 }
        defer { database.close() }
        var taken: [RowNumbers] = []
        for end in [End.committed, .thrown, .atOnce, .failed, .failed, .committed] {
            if let numbers = try await take(2, of: database, ending: end) { taken.append(numbers) }
        }
        #expect(taken.map(\.numbers) == [1...2, 3...4, 5...6])
        #expect(Set(taken.map(\.series)).count == 1)
        let series = try #require(taken.first?.series)
        #expect(database.seriesHeads.take() == [series: 6])
        #expect(database.seriesHeads.take().isEmpty)
        database.seriesHeads.putBack([series: 6])
        #expect(try await take(1, of: database, ending: .committed)?.numbers == 7...7)
        #expect(database.seriesHeads.take() == [series: 7])
    }

    @Test func seriesOfManyConnectionsHaveNoGaps() async throws {
        let database = try Playground.open().pool { $0.requestConnections = 4 }
        defer { database.close() }
        let taken = try await withThrowingTaskGroup(of: RowNumbers?.self) { group in
            for index in 0..<200 {
                group.addTask { try await take(1 + index % 3, of: database, ending: End.allCases[index % 4]) }
            }
            return try await group.reduce(into: [RowNumbers]()) { if let numbers = $1 { $0.append(numbers) } }
        }
        #expect(taken.count == 100)
        for (series, numbers) in Dictionary(grouping: taken, by: \.series) {
            let all = numbers.flatMap { Array($0.numbers) }.sorted()
            #expect(all == Array(1...Int64(all.count)), "series \(series)")
        }
    }

    @Test func aLostConnectionEndsItsSeries() async throws {
        let database = try Playground.open().pool { $0.requestConnections = 1 }
        defer { database.close() }
        let first = try #require(try await take(1, of: database, ending: .committed))
        let pid = try await database.transaction(for: Playground.tenant()) { tx -> Int in
            try #require(try tx.rows("select pg_backend_pid()").first)[0]
        }
        let admin = Secret(try TestServers.shared().adminURL)
        try Migrator.execute("select pg_terminate_backend(\(pid), 5000)", url: admin)
        var next: RowNumbers?
        try await eventually("the connection is back") {
            next = try await take(1, of: database, ending: .committed)
            return next != nil
        }
        #expect(next?.numbers == 1...1)
        #expect(next?.series != first.series)
    }
}

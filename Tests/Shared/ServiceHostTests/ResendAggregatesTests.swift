import Core
import Jobs
import Postgres
import TestKit
import Testing

@testable import ServiceHost

/// What is ordered is sent once for each clinic, page by page, in transactions of that clinic.
@Suite(.timeLimit(.minutes(1))) struct ResendAggregatesTests {
    /// A list of so many, each told under its number.
    private static func list(_ name: String, of count: Int) -> ResendList {
        { after, limit, tx in
            let first = after.flatMap { Int($0) } ?? 0
            let numbers = (first..<max(first, min(first + limit, count)))
            for number in numbers { try EventHost.note("\(name)\(number)", in: tx) }
            return ResendPage(count: numbers.count, last: numbers.last.map { "\($0 + 1)" })
        }
    }

    @Test func anOrderThatWaitsIsNotDoubled() async throws {
        let host = try EventHost("resend_order")
        let other = ClinicID()
        for _ in 0..<2 { try await ResendAggregates.order(for: [host.clinic, other], in: host.database) }
        #expect(try await host.jobsLeft() == 2)
        let job = ResendAggregates(lists: [Self.list("told", of: 1)])
        try await host.working([job]) {
            try await eventually { try await host.jobsLeft() == 0 }
            #expect(try await host.labels() == ["told0"])
            // What is done may be ordered anew.
            try await ResendAggregates.order(for: [host.clinic], in: host.database)
            try await eventually { try await host.labels() == ["told0", "told0"] }
        }
    }

    /// Nothing is left out or told twice where lists end within a page, with it, or are empty.
    @Test func listsAreToldPageByPage() async throws {
        let host = try EventHost("resend_pages")
        let sizes = [3, 0, ResendAggregates.page - 3, ResendAggregates.page, 0, 2 * ResendAggregates.page + 1]
        let lists = sizes.enumerated().map { Self.list("\($0.offset).", of: $0.element) }
        try await ResendAggregates.order(for: [host.clinic], in: host.database)
        try await host.working([ResendAggregates(lists: lists)]) {
            try await eventually { try await host.jobsLeft() == 0 }
        }
        let wanted = sizes.enumerated().flatMap { list, size in (0..<size).map { "\(list).\($0)" } }
        #expect(try await host.labels() == wanted)
        let transactions: Int = try await host.store.inspect(
            "select count(distinct xmin::text) from effects where clinic_id = \(host.clinic)"
        ) { try $0[0][0] }
        #expect(transactions >= 4)
    }
}

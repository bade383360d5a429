package import Core
package import Jobs
package import Postgres

/// What was told of a list: how many aggregates, and the last of them.
package struct ResendPage: Sendable {
    package var count: Int
    /// Where the list goes on.
    package var last: String?

    package init(count: Int, last: String?) {
        self.count = count
        self.last = last
    }

    package static let end = ResendPage(count: 0, last: nil)
}

/// Tells the present version of at most `limit` aggregates of the transaction's clinic again, in the order of their ids,
/// without notices; the list is over when there were fewer.
package typealias ResendList =
    @Sendable (_ after: String?, _ limit: Int, borrowing Transaction) throws -> ResendPage

/// Sends the present version of everything a clinic has in this service again, so that others can build anew what they
/// keep of it: page by page, each in a transaction of its own.
package struct ResendAggregates: JobHandler {
    /// Where to go on; from the beginning when empty.
    package struct Payload: Hashable, Sendable, Codable {
        package var list: Int?
        package var after: String?
    }

    package static let name = "host.resend"
    /// Aggregates told in one transaction.
    package static let page = 500
    /// One waits at a time: all orders are for the same.
    private static let key = "all"

    let lists: [ResendList]

    package func run(_ payload: Payload, _ job: JobContext) async throws {
        try await job.finish { tx in
            var place = (list: payload.list ?? 0, after: payload.after)
            var left = Self.page
            while left > 0, lists.indices.contains(place.list) {
                let told = try lists[place.list](place.after, left, tx)
                place = told.count < left ? (place.list + 1, nil) : (place.list, told.last)
                left -= told.count
            }
            guard lists.indices.contains(place.list) else { return }
            let rest = Payload(list: place.list, after: place.after)
            _ = try Jobs.enqueue(Self.self, payload: rest, lane: .bulk, in: tx)
        }
    }

    /// Orders it for clinics in the owner's database; an order that still waits is not doubled.
    package static func order(for clinics: [ClinicID], in database: Database) async throws {
        for clinic in clinics {
            let tenant = Tenant(clinic, actor: "system:\(name)")
            try await database.transaction(for: tenant, lane: .background, operation: name) { tx in
                try order(in: tx)
            }
        }
    }

    /// Orders it for the transaction's clinic.
    package static func order(in transaction: borrowing Transaction) throws {
        _ = try Jobs.enqueue(Self.self, payload: Payload(), lane: .bulk, unique: key, in: transaction)
    }
}

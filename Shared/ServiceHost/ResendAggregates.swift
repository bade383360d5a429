package import Core
package import Jobs
package import Postgres

/// Sends the present version of everything a clinic has in this service again, without notices, so that others can build
/// anew what they keep of it.
package struct ResendAggregates: JobHandler {
    package typealias Payload = NoPayload

    package static let name = "host.resend"
    /// One waits at a time: all orders are for the same.
    private static let key = "all"

    let resend: @Sendable (borrowing Transaction) throws -> Void
    let outboxWake: WakeSignal

    package func run(_ payload: NoPayload, _ job: JobContext) async throws {
        try await job.finish(resend)
        outboxWake.signal()
    }

    /// Orders it for clinics in the owner's database; an order that still waits is not doubled.
    package static func order(for clinics: [ClinicID], in database: Database) async throws {
        for clinic in clinics {
            let tenant = Tenant(clinic, actor: "system:\(name)")
            try await database.transaction(for: tenant, lane: .background, operation: name) { tx in
                _ = try Jobs.enqueue(Self.self, payload: NoPayload(), lane: .bulk, unique: key, in: tx)
            }
        }
    }
}

import AccessAPI
import Authorization
import Contracts
import Core
import Jobs
import Outbox
import Postgres
import ServiceHost

/// Has everything of every clinic told again to a service that has lost what it keeps of others.
struct OrderResends: JobHandler {
    static var name: String { "access.order_resends" }
    static let page = 200

    func run(_ ask: ResendAsk, _ job: JobContext) async throws {
        var last: ClinicID?
        repeat {
            let (after, page) = (last, Self.page)
            let clinics = try await job.database.through(.installation) { tx in
                try ClinicStore.list(only: nil, after: after, limit: page, in: tx).map(\.clinic.id)
            }
            for clinic in clinics { try await Self.order(ask, of: clinic, in: job.database) }
            last = clinics.last
        } while last != nil
        try await job.finish()
    }

    /// Once for each question and clinic, however often the job is begun.
    static func order(_ ask: ResendAsk, of clinic: ClinicID, in database: Database) async throws {
        let actor = "system:\(name)"
        try await database.transaction(for: Tenant(clinic, actor: actor), lane: .background) { tx in
            guard try Inbox.once(ask.id, handler: name, in: tx) else { return }
            if ask.topics.contains(.access) { try ResendAggregates.order(in: tx) }
            guard ask.topics.contains(where: { $0 != .access }) else { return }
            try Outbox.append(
                ResendWanted(service: ask.service, topics: ask.topics),
                aggregate: "resend:\(ask.id)",
                version: 1,
                actor: actor,
                in: tx
            )
        }
    }
}

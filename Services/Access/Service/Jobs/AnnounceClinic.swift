import Core
import Jobs
import Postgres

/// Tells of a new clinic, in a transaction of its own.
struct AnnounceClinic: JobHandler {
    struct Payload: Codable, Sendable {
        var clinic: ClinicID
        var actor: String
    }

    static var name: String { "access.announce_clinic" }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        // Told twice, it is the same version of the same clinic, and is taken in once.
        try await job.database.transaction(for: Tenant(payload.clinic, actor: Self.name), lane: .background) { tx in
            guard let stored = try ClinicStore.find(payload.clinic, in: tx) else { return }
            try ClinicHandlers.announce(stored, by: payload.actor, in: tx)
        }
    }
}

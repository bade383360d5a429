import Authorization
import Core
import Jobs
import Postgres

/// Tells of a new clinic and appoints its founder, in transactions of its own.
struct AnnounceClinic: JobHandler {
    struct Payload: Codable, Sendable {
        var clinic: ClinicID
        var actor: String
        /// Who founded it, and is to administer it.
        var admin: UserID?
    }

    static var name: String { "access.announce_clinic" }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        // Told twice, it is the same version of the same clinic, and is taken in once.
        try await job.database.transaction(for: Tenant(payload.clinic, actor: Self.name), lane: .background) { tx in
            guard let stored = try ClinicStore.find(payload.clinic, in: tx) else { return }
            try ClinicHandlers.announce(stored, by: payload.actor, in: tx)
        }
        if let admin = payload.admin { try await Self.appoint(admin, to: payload.clinic, job.database) }
    }

    /// Makes the founder of a clinic its first CLINIC_ADMIN, once.
    static func appoint(_ founder: UserID, to clinic: ClinicID, _ database: Database) async throws {
        try await database.transaction(for: Tenant(clinic, actor: name)) { tx in
            guard let user = try UserStore.find(founder, in: tx) else { return }
            let roles = [RoleGrant(role: .clinicAdmin)]
            try RegistrationHandlers.join(user, roles, as: user.name, in: clinic, at: .now(), tx)
        }
    }
}

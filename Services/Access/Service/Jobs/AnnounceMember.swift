import Authorization
import Core
import Jobs
import Postgres

/// Tells of somebody in every clinic they belong to, after they have changed their own account.
struct AnnounceMember: JobHandler {
    struct Payload: Codable, Sendable {
        var user: UserID
    }

    static var name: String { "access.announce_member" }

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let clinics = try await job.database.through(.installation) { tx in
            try PolicyStore.memberships(of: [payload.user], in: tx)[payload.user]?.map(\.clinicId) ?? []
        }
        for clinic in clinics {
            let tenant = Tenant(clinic, actor: Self.name)
            try await job.database.transaction(for: tenant, lane: .background) { tx in
                guard var member = try MemberStore.find(payload.user, of: clinic, in: tx) else { return }
                // A new version of the member, for those who keep what they were told.
                member.version = try MemberStore.update(member, in: tx)
                try MemberHandlers.announce(member, by: "user:\(payload.user)", in: tx)
            }
        }
    }
}

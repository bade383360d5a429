import Core
import Jobs
import Postgres

/// Tells somebody that their password was changed, so that they notice when it was not them.
///
/// Left before the change, for it cannot commit together with it, and given up when the change has not come about.
struct TellPasswordChanged: JobHandler {
    /// How long the change may take, and how often it is looked for.
    static let patience: Duration = .seconds(60)
    static let pause: Duration = .seconds(2)
    /// Later it would only be confusing.
    static let lifetime: Duration = .seconds(24 * 3_600)

    struct Payload: Codable, Sendable {
        var user: UserID
        /// The clinic that tells them.
        var clinic: ClinicID
        /// What the change will be marked with.
        var at: Instant
    }

    static var name: String { "access.tell_password_changed" }

    let parts: AccessParts

    func run(_ payload: Payload, _ job: JobContext) async throws {
        let changedAt = try await parts.database.through(.installation) { tx in
            try CredentialStore.changedAt(payload.user, in: tx)
        }
        guard let changedAt, changedAt == payload.at else {
            // Another change has come after this one, or instead of it, and has a job of its own.
            if let changedAt, changedAt > payload.at { return }
            if Instant.now() - payload.at > Self.patience { return }
            return try await job.again(at: .now() + Self.pause)
        }
        let parts = parts
        let actor = Self.name
        try await parts.database.transaction(for: Tenant(payload.clinic, actor: actor), lane: .background) { tx in
            guard let account = try UserStore.find(payload.user, in: tx) else { return }
            try parts.notices.request(
                .passwordChanged,
                to: Notices.Recipient(account),
                expiresAt: payload.at + Self.lifetime,
                by: "system:\(actor)",
                in: tx
            )
        }
    }
}

import AccessAPI
import Core
import Jobs
import Postgres

/// Sends whoever has forgotten their password a link to a new one; an address without an account is a job, too.
///
/// That way who asks is answered after the same work in both cases.
struct SendPasswordReset: JobHandler {
    struct Payload: Codable, Sendable {
        /// Absent where there is no account that could be opened.
        var user: UserID?
        /// The clinic that sends it.
        var clinic: ClinicID
    }

    static var name: String { "access.send_password_reset" }

    let parts: AccessParts

    func run(_ payload: Payload, _ job: JobContext) async throws {
        guard let user = payload.user else { return }
        let parts = parts
        let actor = Self.name
        try await parts.database.transaction(for: Tenant(payload.clinic, actor: actor), lane: .background) { tx in
            // Held until the end, so that links asked for at once are counted one by one.
            guard let account = try UserStore.find(user, forUpdate: true, in: tx) else { return }
            let now = Instant.now()
            let token = OneTimeToken(.passwordReset, index: parts.index)
            guard try PasswordResetStore.insert(token.hash, of: user, at: now, in: tx) else { return }
            // The token stands behind the `#`, so that no server and no log sees it.
            let link = Secret("\(parts.publicURL)/password-reset#\(token.text.unredacted)")
            try parts.notices.request(
                .passwordReset(link: link),
                // A password goes with the e-mail address, and so does a new one.
                to: Notices.Recipient(account, channels: [.email]),
                expiresAt: now + PasswordReset.lifetime,
                by: "system:\(actor)",
                in: tx
            )
        }
    }
}

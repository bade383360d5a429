import AccessAPI
import Authorization
import Contracts
import Core
import Postgres
import ServiceHost

/// Takes a colleague's authenticator app away, when they have lost it and their recovery codes.
struct SecondFactorReset: Sendable {
    /// A notice that comes later would only be confusing.
    private static let noticeLifetime: Duration = .seconds(24 * 3_600)

    let parts: AccessParts

    func register(in table: inout HandlerTable) {
        table.steps(SecondFactorEndpoints().reset) { try await reset($0, $1) }
    }

    private func reset(_ path: MemberPath, _ context: OperationContext) async throws -> Reply<EmptyOutput> {
        // What the account reaches elsewhere no transaction of the clinic sees.
        let (account, system) = try await parts.database.through(.installation) { tx in
            (try CredentialStore.find(path.userId, in: tx), try SystemRoleStore.find(path.userId, in: tx))
        }
        return try await context.commit { tx in
            guard let account, let member = try MemberStore.find(path.userId, of: context.clinic, in: tx) else {
                throw Problem.notFound
            }
            if member.user == context.principal.user {
                throw Problem.conflict("own_account", "Somebody else has to do it; with a code you can disable it.")
            }
            let giver = try GrantRule.Giver(context, in: tx)
            let reachesFurther = system != nil || !account.clinics.allSatisfy { $0 == context.clinic }
            if reachesFurther, !giver.systemRoles.contains(.superAdmin) {
                throw Problem(403, "reaches_further", "The account reaches further than this clinic.")
            }
            try GrantRule.check(member.roles, givenBy: giver)
            guard try SecondFactorStore.reset(member.user, in: tx) else { throw Problem.totpNotEnabled }
            try parts.notices.request(
                .secondFactorReset,
                to: Notices.Recipient(account.user),
                expiresAt: context.now + Self.noticeLifetime,
                by: context.actor,
                in: tx
            )
            return Reply(EmptyOutput(), audit: AuditDetail(resource: member.user.description))
        }
    }
}

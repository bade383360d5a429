import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Why a sign-in ended.
enum SignInEnd: String, Sendable {
    case logout, ended, reuse, password, disabled
}

/// A refresh token with all that its exchange is decided with.
struct StoredRefreshToken: Sendable {
    var signIn: SignInID
    var user: StoredUser
    var known: RefreshRule.Known
}

/// The tables `sign_ins` and `refresh_tokens`; through the installation's door.
enum SignInStore {
    /// How long a sign-in lasts at most.
    static let lifetime: Duration = .seconds(90 * 24 * 3_600)
    /// How long a refresh token waits to be exchanged.
    static let tokenLifetime: Duration = .seconds(30 * 24 * 3_600)

    static func insert(
        _ id: SignInID,
        of user: UserID,
        address: String,
        userAgent: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into sign_ins (id, user_id, created_at, last_used_at, expires_at, address, user_agent)
            values (\(id), \(user), \(now), \(now), \(now + lifetime), \(address), \(userAgent))
            """
        )
    }

    static func insertToken(
        _ hash: [UInt8],
        of signIn: SignInID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into refresh_tokens (token_hash, sign_in_id, created_at, expires_at)
            values (\(hash), \(signIn), \(now), \(now + tokenLifetime))
            """
        )
    }

    /// The token, with its sign-in locked until the end of the transaction.
    static func findToken(_ hash: [UInt8], in tx: borrowing Transaction) throws -> StoredRefreshToken? {
        // The lock first: another exchange may be under way, and what it does must be seen.
        tx.execute(
            """
            select from sign_ins where id = (select sign_in_id from refresh_tokens where token_hash = \(hash)) for update
            """
        )
        let rows = try tx.rows(
            """
            select \(UserStore.columns), s.id, t.expires_at, s.expires_at, s.ended_at is not null, t.replaced_at,
                coalesce((select n.replaced_at is not null from refresh_tokens as n
                    where n.token_hash = t.successor_hash), false)
            from refresh_tokens as t join sign_ins as s on s.id = t.sign_in_id join users as u on u.id = s.user_id
            where t.token_hash = \(hash)
            """
        )
        return try rows.first.map { row in
            let user = try UserStore.decode(row)
            let next = UserStore.width
            return StoredRefreshToken(
                signIn: try row[next],
                user: user,
                known: RefreshRule.Known(
                    tokenExpiresAt: try row[next + 1],
                    signInExpiresAt: try row[next + 2],
                    signInEnded: try row[next + 3],
                    userActive: user.status == .active,
                    replacedAt: try row[next + 4],
                    successorReplaced: try row[next + 5]
                )
            )
        }
    }

    static func replaceToken(
        _ hash: [UInt8],
        with successor: [UInt8],
        of signIn: SignInID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            update refresh_tokens set replaced_at = \(now), successor_hash = \(successor) where token_hash = \(hash)
            """
        )
        insertToken(successor, of: signIn, at: now, in: tx)
        tx.execute("update sign_ins set last_used_at = \(now) where id = \(signIn)")
    }

    /// Ends a sign-in of the user's; `false` when it is none or over already.
    static func end(
        _ id: SignInID,
        of user: UserID,
        _ reason: SignInEnd,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let open = try tx.rows(
            "select from sign_ins where id = \(id) and user_id = \(user) and ended_at is null for update"
        )
        if open.isEmpty { return false }
        let version = try PolicyVersionStore.raise(in: tx)
        tx.execute(
            """
            update sign_ins set ended_at = \(now), end_reason = \(reason.rawValue), policy_version = \(version)
            where id = \(id)
            """
        )
        return true
    }

    /// Ends every open sign-in of the user's but one.
    static func endAll(
        of user: UserID,
        except kept: SignInID?,
        _ reason: SignInEnd,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let open: [SignInID] = try tx.rows(
            "select id from sign_ins where user_id = \(user) and ended_at is null order by id for update"
        ).map { try $0[0] }.filter { $0 != kept }
        if open.isEmpty { return }
        let version = try PolicyVersionStore.raise(in: tx)
        tx.execute(
            """
            update sign_ins set ended_at = \(now), end_reason = \(reason.rawValue), policy_version = \(version)
            where id = any(\(open))
            """
        )
    }

    /// The user's open sign-ins, newest first.
    static func list(
        _ user: UserID,
        current: SignInID?,
        order: TimeOrder,
        after last: SignInID?,
        limit: Int,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [Session] {
        var query: Query = """
            select id, created_at, last_used_at, expires_at, address, user_agent from sign_ins
            where user_id = \(user) and ended_at is null and expires_at > \(now)
            """
        query += order.page(of: "id", behind: last, limit: limit)
        return try tx.rows(query).map { row in
            let id: SignInID = try row[0]
            return Session(
                id: id,
                createdAt: try row[1],
                lastUsedAt: try row[2],
                expiresAt: try row[3],
                address: try row[4],
                userAgent: try row[5],
                current: id == current
            )
        }
    }
}

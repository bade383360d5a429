import AccessAPI
import Core
import Postgres
import ServiceHost

/// Sends the present state of everything a clinic has here again, so that others can rebuild what they keep of it.
enum Resending {
    static let actor = "system:rebuild"

    static let lists: [ResendList] = [
        { after, _, tx in
            guard after == nil, let clinic = tx.tenant?.clinic, let stored = try ClinicStore.find(clinic, in: tx) else {
                return .end
            }
            try ClinicHandlers.announce(stored, by: actor, notify: false, in: tx)
            return ResendPage(count: 1, last: clinic.description)
        },
        { try locations(removed: true, after: $0, limit: $1, in: $2) },
        { try locations(removed: false, after: $0, limit: $1, in: $2) },
        { after, limit, tx in
            guard let clinic = tx.tenant?.clinic else { return .end }
            let last = after.flatMap { UserID($0) }
            let members = try MemberStore.everyone(of: clinic, after: last, limit: limit, in: tx)
            for member in members {
                let deleted = member.status == .removed
                try MemberHandlers.announce(member, by: actor, deleted: deleted, notify: false, in: tx)
            }
            return ResendPage(count: members.count, last: members.last?.user.description)
        },
    ]

    private static func locations(
        removed: Bool,
        after: String?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> ResendPage {
        guard let clinic = tx.tenant?.clinic else { return .end }
        let last = after.flatMap { LocationID($0) }
        let found = try LocationStore.list(of: clinic, removed: removed, after: last, limit: limit, in: tx)
        for location in found {
            try LocationHandlers.announce(location, by: actor, deleted: removed, notify: false, in: tx)
        }
        return ResendPage(count: found.count, last: found.last?.location.id.description)
    }
}

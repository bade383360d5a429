import AccessAPI
import Core
import Postgres

/// Sends the present state of everything a clinic has here again, so that others can rebuild what they keep of it.
enum Resending {
    static let actor = "system:rebuild"
    private static let page = 500

    /// Works in a transaction of the clinic.
    static func everything(in tx: borrowing Transaction) throws {
        guard let clinic = tx.tenant?.clinic, let stored = try ClinicStore.find(clinic, in: tx) else { return }
        try ClinicHandlers.announce(stored, by: actor, notify: false, in: tx)
        for removed in [true, false] { try locations(of: clinic, removed: removed, in: tx) }
        var lastMember: UserID?
        repeat {
            let page = try MemberStore.everyone(of: clinic, after: lastMember, limit: page, in: tx)
            for member in page {
                let deleted = member.status == .removed
                try MemberHandlers.announce(member, by: actor, deleted: deleted, notify: false, in: tx)
            }
            lastMember = page.last?.user
        } while lastMember != nil
    }

    private static func locations(of clinic: ClinicID, removed: Bool, in tx: borrowing Transaction) throws {
        var last: LocationID?
        repeat {
            let page = try LocationStore.list(of: clinic, removed: removed, after: last, limit: page, in: tx)
            for location in page {
                try LocationHandlers.announce(location, by: actor, deleted: removed, notify: false, in: tx)
            }
            last = page.last?.location.id
        } while last != nil
    }
}

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
        var lastLocation: LocationID?
        repeat {
            let page = try LocationStore.list(of: clinic, after: lastLocation, limit: page, in: tx)
            for location in page { try LocationHandlers.announce(location, by: actor, notify: false, in: tx) }
            lastLocation = page.last?.location.id
        } while lastLocation != nil
        var lastMember: UserID?
        repeat {
            let page = try MemberStore.list(
                MemberListRequest(clinicId: clinic),
                after: lastMember,
                limit: page,
                in: tx
            )
            for member in page { try MemberHandlers.announce(member, by: actor, notify: false, in: tx) }
            lastMember = page.last?.user
        } while lastMember != nil
    }
}

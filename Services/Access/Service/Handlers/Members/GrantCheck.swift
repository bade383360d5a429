import Authorization
import Core
import Postgres
import ServiceHost

/// What is checked before anything is granted to anybody: a person or a key.
enum GrantCheck {
    /// Throws 422 unless the roles and locations exist, 403 unless the caller holds what the roles open; what is `before`
    /// already is not weighed.
    ///
    /// - Parameter pointer: where in the request a role stands.
    static func check(
        _ grants: [RoleGrant],
        besides before: [RoleGrant] = [],
        _ context: OperationContext,
        pointer: (Int) -> String = { "/roles/\($0)" },
        in tx: borrowing Transaction
    ) throws {
        let given = grants.enumerated().filter { !before.contains($0.element) }
        if given.isEmpty { return }
        let asked = given.flatMap { $0.element.locationIds ?? [] }
        let places = try LocationStore.unknown(asked, in: context.clinic, tx: tx)
        let roles = try RoleStore.unknown(given.compactMap(\.element.role.custom), in: context.clinic, tx: tx)
        var faults: [Problem.Fault] = []
        for (index, grant) in given {
            if let role = grant.role.custom, roles.contains(role) {
                faults.append(.init(pointer: pointer(index) + "/role", "is not a role"))
            }
            if !places.isDisjoint(with: grant.locationIds ?? []) {
                faults.append(.init(pointer: pointer(index) + "/locationIds", "names a location that is not there"))
            }
        }
        if !faults.isEmpty { throw Problem.invalid(faults) }
        try GrantRule.check(given.map(\.element), givenBy: try GrantRule.Giver(context, in: tx))
    }
}

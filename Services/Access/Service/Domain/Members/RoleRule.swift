package import AccessAPI
package import Authorization
import Contracts
package import Core

/// What a clinic's own role may hold.
package enum RoleRule {
    /// Reads the permissions of a request.
    ///
    /// Throws 422 naming each that is unknown, named twice, no clinic's to give, further than it can reach, or
    /// kept apart from another of them.
    package static func parse(_ permissions: [RolePermission]) throws(Problem) -> [PermissionReach] {
        var faults: [Problem.Fault] = []
        var parsed: [PermissionReach] = []
        for (index, item) in permissions.enumerated() {
            let pointer = "/permissions/\(index)"
            guard let permission = Permission(parsing: item.permission),
                let bit = PermissionCatalog.bit(of: permission)
            else {
                faults.append(.init(pointer: pointer + "/permission", "is not a permission"))
                continue
            }
            if parsed.contains(where: { $0.permission == permission }) {
                faults.append(.init(pointer: pointer + "/permission", "appears twice"))
            }
            let reaches = Roles.reaches(of: bit)
            if reaches.isEmpty {
                faults.append(.init(pointer: pointer + "/permission", "is of the installation, which no clinic gives"))
            } else if !reaches.contains(item.scope.reach) {
                let words = reaches.sorted().map(\.rawValue).joined(separator: ", ")
                faults.append(.init(pointer: pointer + "/scope", "is none that the permission has: \(words)"))
            }
            parsed.append(PermissionReach(permission: permission, scope: item.scope.reach))
        }
        for (one, other) in Roles.separated where parsed.contains(where: { $0.permission == one }) {
            guard let index = parsed.firstIndex(where: { $0.permission == other }) else { continue }
            let place = "/permissions/\(index)/permission"
            faults.append(.init(pointer: place, "is a duty that no role holds together with \(one)"))
        }
        if !faults.isEmpty { throw .invalid(faults) }
        return parsed
    }

    /// Throws 422 for a name that a built-in role has: nobody could tell the two apart.
    package static func check(name: String) throws(Problem) {
        let isBlank = name.allSatisfy(\.isWhitespace)
        if isBlank { throw .invalid("/name", "is blank") }
        if Role(rawValue: name.uppercased()) != nil { throw .invalid("/name", "is the name of a built-in role") }
    }
}

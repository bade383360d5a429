import AccessAPI
import Authorization
import Contracts
import ServiceHost

/// The built-in roles and permissions.
enum RoleHandlers {
    static func register(in table: inout HandlerTable) {
        let endpoints = RoleEndpoints()
        table.steps(endpoints.list) { _, _ in Reply(RoleList(items: Role.allCases.map(description))) }
        table.steps(endpoints.permissions) { _, _ in
            let permissions = PermissionCatalog.all.map(\.permission).sorted { $0.name < $1.name }
            return Reply(
                PermissionList(
                    items: permissions.map {
                        PermissionDescription(permission: $0.name, resource: $0.resource, action: $0.action)
                    }
                )
            )
        }
    }

    private static func description(_ role: Role) -> RoleDescription {
        let permissions = Roles.grants(of: role).map { grant in
            RolePermission(
                permission: PermissionCatalog.all[grant.bit.index].permission.name,
                scope: grant.reach.rawValue
            )
        }
        return RoleDescription(
            role: role.rawValue,
            system: role.isSystem,
            permissions: permissions.sorted { $0.permission < $1.permission }
        )
    }
}

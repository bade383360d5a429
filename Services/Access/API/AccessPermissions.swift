package import Contracts

/// The permissions that access's operations ask for.
package enum AccessPermissions {
    package static let createClinics = Permission("clinics:create")
    package static let readClinics = Permission("clinics:read")
    package static let updateClinics = Permission("clinics:update")
    package static let activateClinics = Permission("clinics:activate")
    package static let suspendClinics = Permission("clinics:suspend")
    package static let createLocations = Permission("locations:create")
    package static let readLocations = Permission("locations:read")
    package static let updateLocations = Permission("locations:update")
    package static let deleteLocations = Permission("locations:delete")
    package static let createUsers = Permission("users:create")
    package static let readUsers = Permission("users:read")
    package static let updateUsers = Permission("users:update")
    package static let deleteUsers = Permission("users:delete")
    package static let systemUsers = Permission("users:system")
    package static let createRoles = Permission("roles:create")
    package static let readRoles = Permission("roles:read")
    package static let updateRoles = Permission("roles:update")
    package static let deleteRoles = Permission("roles:delete")
    package static let assignRoles = Permission("roles:assign")
    package static let readAudit = Permission("audit:read")
    package static let exportAudit = Permission("audit:export")
    package static let useBreakGlass = Permission("break_glass:use")
    package static let reviewBreakGlass = Permission("break_glass:review")
    package static let readAccessReport = Permission("access_report:read")
}

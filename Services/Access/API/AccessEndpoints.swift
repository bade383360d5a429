package import Contracts

/// Every public operation of the access service.
package struct AccessEndpoints: Sendable {
    package let authentication = AuthenticationEndpoints()
    package let codes = OneTimeCodeEndpoints()
    package let preferences = PreferenceEndpoints()
    package let passwords = PasswordEndpoints()
    package let secondFactor = SecondFactorEndpoints()
    package let clinics = ClinicEndpoints()
    package let locations = LocationEndpoints()
    package let members = MemberEndpoints()
    package let users = SystemUserEndpoints()
    package let roles = RoleEndpoints()
    package let apiKeys = APIKeyEndpoints()
    package let audit = AuditEndpoints()
    package let breakGlass = BreakGlassEndpoints()

    package init() {}

    package var all: [any EndpointDescription] {
        let own = authentication.all + codes.all + preferences.all + passwords.all + secondFactor.all
        return own + clinics.all + locations.all + members.all + users.all + roles.all + apiKeys.all + audit.all
            + breakGlass.all
    }
}

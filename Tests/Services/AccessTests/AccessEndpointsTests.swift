import AccessAPI
import Authorization
import Contracts
import Core
import Testing

/// The declarations themselves.
@Suite struct AccessEndpointsTests {
    private static let groups: [(any Sendable, [any EndpointDescription])] = [
        (AuthenticationEndpoints(), AuthenticationEndpoints().all),
        (PreferenceEndpoints(), PreferenceEndpoints().all), (PasswordEndpoints(), PasswordEndpoints().all),
        (SecondFactorEndpoints(), SecondFactorEndpoints().all), (ClinicEndpoints(), ClinicEndpoints().all),
        (LocationEndpoints(), LocationEndpoints().all), (MemberEndpoints(), MemberEndpoints().all),
        (SystemUserEndpoints(), SystemUserEndpoints().all), (RoleEndpoints(), RoleEndpoints().all),
        (APIKeyEndpoints(), APIKeyEndpoints().all), (AuditEndpoints(), AuditEndpoints().all),
        (OneTimeCodeEndpoints(), OneTimeCodeEndpoints().all),
        (BreakGlassEndpoints(), BreakGlassEndpoints().all),
    ]

    @Test func noneIsForgottenInItsList() {
        for (group, all) in Self.groups { #expect(Mirror(reflecting: group).children.count == all.count) }
        #expect(AccessEndpoints().all.count == Self.groups.reduce(0) { $0 + $1.1.count })
        #expect(Set(AccessEndpoints().all.map(\.name)).count == AccessEndpoints().all.count)
    }

    @Test func everyTypeCanBeDescribed() throws {
        for endpoint in AccessEndpoints().all {
            _ = try endpoint.inputSchema
            _ = try endpoint.outputSchema
            let known = Set(try endpoint.inputSchema.properties.map(\.name))
            #expect(known.isSuperset(of: endpoint.pathParameters), "\(endpoint.name)")
        }
    }

    @Test func everyPermissionIsSomebodys() {
        for endpoint in AccessEndpoints().all {
            guard let permission = endpoint.guard.permission else { continue }
            #expect(PermissionCatalog.bit(of: permission) != nil, "\(permission)")
        }
    }

    @Test func secretsAreWriteOnly() throws {
        let login = try AuthenticationEndpoints().login.inputSchema
        #expect(login.properties.first { $0.name == "password" }?.schema.isSecret == true)
    }
}

package import Contracts
import Core

/// Clinics: made and suspended by the operator, described by themselves.
package struct ClinicEndpoints: Sendable {
    package let create = Endpoint(
        "access.clinics.create",
        .POST,
        "/clinics",
        service: .access,
        guard: .permission(AccessPermissions.createClinics),
        tenancy: Tenancy.none,
        takes: ClinicDraft.self,
        gives: Clinic.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(409, "slug_taken")],
        summary: "Make a clinic"
    )
    package let list = Endpoint(
        "access.clinics.list",
        .GET,
        "/clinics",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: DirectoryRequest.self,
        gives: Page<Clinic>.self,
        audit: .none(because: "holds no health data"),
        summary: "The clinics the caller may see"
    )
    package let read = Endpoint(
        "access.clinics.read",
        .GET,
        "/clinics/{clinicId}",
        service: .access,
        guard: .permission(AccessPermissions.readClinics),
        takes: ClinicPath.self,
        gives: Clinic.self,
        audit: .none(because: "holds no health data"),
        summary: "One clinic"
    )
    package let update = Endpoint(
        "access.clinics.update",
        .PATCH,
        "/clinics/{clinicId}",
        service: .access,
        guard: .permission(AccessPermissions.updateClinics),
        takes: ClinicPatch.self,
        gives: Clinic.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "slug_taken")],
        summary: "Change what a clinic says of itself"
    )
    package let activate = Endpoint(
        "access.clinics.activate",
        .POST,
        "/clinics/{clinicId}/activate",
        service: .access,
        guard: .permission(AccessPermissions.activateClinics),
        takes: ClinicPath.self,
        gives: Clinic.self,
        audit: .change,
        body: BodyKind.none,
        summary: "Open a suspended clinic again"
    )
    package let suspend = Endpoint(
        "access.clinics.suspend",
        .POST,
        "/clinics/{clinicId}/suspend",
        service: .access,
        guard: .permission(AccessPermissions.suspendClinics),
        takes: ClinicPath.self,
        gives: Clinic.self,
        audit: .change,
        body: BodyKind.none,
        summary: "Close a clinic to everybody but system roles; its messages wait, but for those about accounts"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, update, activate, suspend] }
}

/// The places of a clinic.
package struct LocationEndpoints: Sendable {
    package let create = Endpoint(
        "access.locations.create",
        .POST,
        "/clinics/{clinicId}/locations",
        service: .access,
        guard: .permission(AccessPermissions.createLocations),
        takes: LocationDraft.self,
        gives: Location.self,
        status: 201,
        audit: .change,
        summary: "Add a location"
    )
    package let list = Endpoint(
        "access.locations.list",
        .GET,
        "/clinics/{clinicId}/locations",
        service: .access,
        guard: .permission(AccessPermissions.readLocations),
        takes: ClinicListRequest.self,
        gives: Page<Location>.self,
        audit: .none(because: "holds no health data"),
        summary: "A clinic's locations"
    )
    package let read = Endpoint(
        "access.locations.read",
        .GET,
        "/clinics/{clinicId}/locations/{locationId}",
        service: .access,
        guard: .permission(AccessPermissions.readLocations),
        takes: LocationPath.self,
        gives: Location.self,
        audit: .none(because: "holds no health data"),
        summary: "One location"
    )
    package let update = Endpoint(
        "access.locations.update",
        .PATCH,
        "/clinics/{clinicId}/locations/{locationId}",
        service: .access,
        guard: .permission(AccessPermissions.updateLocations),
        takes: LocationPatch.self,
        gives: Location.self,
        audit: .change,
        precondition: .honoured,
        summary: "Change a location"
    )
    package let delete = Endpoint(
        "access.locations.delete",
        .DELETE,
        "/clinics/{clinicId}/locations/{locationId}",
        service: .access,
        guard: .permission(AccessPermissions.deleteLocations),
        takes: LocationPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        errors: [ErrorCode(409, "location_in_use")],
        summary: "Remove a location that no role is limited to"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, update, delete] }
}

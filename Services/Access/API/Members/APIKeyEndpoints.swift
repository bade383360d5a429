package import Contracts
import Core

/// Keys that machines call with in a clinic's name.
package struct APIKeyEndpoints: Sendable {
    package let create = Endpoint(
        "access.api_keys.create",
        .POST,
        "/clinics/{clinicId}/api-keys",
        service: .access,
        guard: .permission(AccessPermissions.createAPIKeys),
        takes: APIKeyDraft.self,
        gives: APIKey.self,
        status: 201,
        audit: .change,
        errors: [ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "too_many_api_keys")],
        summary: "Make an API key that may do no more than the caller; it is shown once"
    )
    package let list = Endpoint(
        "access.api_keys.list",
        .GET,
        "/clinics/{clinicId}/api-keys",
        service: .access,
        guard: .permission(AccessPermissions.readAPIKeys),
        takes: ClinicListRequest.self,
        gives: Page<APIKey>.self,
        audit: .none(because: "holds no health data"),
        summary: "A clinic's API keys, expired ones too"
    )
    package let read = Endpoint(
        "access.api_keys.read",
        .GET,
        "/clinics/{clinicId}/api-keys/{keyId}",
        service: .access,
        guard: .permission(AccessPermissions.readAPIKeys),
        takes: APIKeyPath.self,
        gives: APIKey.self,
        audit: .none(because: "holds no health data"),
        summary: "One API key, without its secret"
    )
    package let revoke = Endpoint(
        "access.api_keys.revoke",
        .DELETE,
        "/clinics/{clinicId}/api-keys/{keyId}",
        service: .access,
        guard: .permission(AccessPermissions.deleteAPIKeys),
        takes: APIKeyPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        summary: "Revoke an API key"
    )
    package let rotate = Endpoint(
        "access.api_keys.rotate",
        .POST,
        "/clinics/{clinicId}/api-keys/{keyId}/rotate",
        service: .access,
        guard: .permission(AccessPermissions.createAPIKeys),
        takes: APIKeyRotation.self,
        gives: APIKey.self,
        audit: .change,
        errors: [ErrorCode(403, "grant_exceeds_own"), ErrorCode(409, "api_key_expired")],
        summary: "Give an API key a new secret, shown once; the old one goes on for a while"
    )

    package init() {}

    package var all: [any EndpointDescription] { [create, list, read, revoke, rotate] }
}

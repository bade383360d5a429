package import Contracts
import Core

/// A second factor for one's own account: an authenticator app (RFC 6238); and what a colleague does when it is lost.
package struct SecondFactorEndpoints: Sendable {
    package let enroll = Endpoint(
        "access.totp.enroll",
        .POST,
        "/auth/totp/enroll",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: EnrollTOTP.self,
        gives: TOTPEnrollment.self,
        audit: .login,
        errors: [ErrorCode(401, "invalid_credentials"), ErrorCode(409, "totp_enabled")],
        summary: "Begin with an authenticator app; nothing is asked for until it is confirmed"
    )
    package let confirm = Endpoint(
        "access.totp.confirm",
        .POST,
        "/auth/totp/confirm",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: ConfirmTOTP.self,
        gives: RecoveryCodes.self,
        audit: .login,
        errors: [ErrorCode(401, "totp_invalid"), ErrorCode(409, "totp_not_enrolled"), ErrorCode(409, "totp_enabled")],
        summary: "Show a code of the app; from then on sign-ins ask for one"
    )
    package let disable = Endpoint(
        "access.totp.disable",
        .POST,
        "/auth/totp/disable",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: ProvenRequest.self,
        gives: EmptyOutput.self,
        audit: .login,
        errors: [
            ErrorCode(401, "invalid_credentials"), ErrorCode(401, "totp_invalid"), ErrorCode(409, "totp_not_enabled"),
        ],
        summary: "Sign in without an authenticator app again"
    )
    package let recoveryCodes = Endpoint(
        "access.totp.recovery_codes",
        .POST,
        "/auth/totp/recovery-codes",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: ProvenRequest.self,
        gives: RecoveryCodes.self,
        audit: .login,
        errors: [
            ErrorCode(401, "invalid_credentials"), ErrorCode(401, "totp_invalid"), ErrorCode(409, "totp_not_enabled"),
        ],
        summary: "Get new recovery codes; the earlier ones stop working"
    )

    package let reset = Endpoint(
        "access.totp.reset",
        .POST,
        "/clinics/{clinicId}/users/{userId}/totp/reset",
        service: .access,
        guard: .permission(AccessPermissions.resetSecondFactors),
        takes: MemberPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        body: BodyKind.none,
        errors: [
            ErrorCode(403, "grant_exceeds_own"), ErrorCode(403, "reaches_further"), ErrorCode(409, "own_account"),
            ErrorCode(409, "totp_not_enabled"),
        ],
        summary: "Take the authenticator app of a colleague away who has lost it; they are told"
    )

    package init() {}

    package var all: [any EndpointDescription] { [enroll, confirm, disable, recoveryCodes, reset] }
}

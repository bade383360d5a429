package import Contracts
import Core

/// Changing a password, and getting by without the one that was forgotten.
package struct PasswordEndpoints: Sendable {
    package let change = Endpoint(
        "access.password.change",
        .POST,
        "/auth/password/change",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: PasswordChange.self,
        gives: EmptyOutput.self,
        audit: .login,
        errors: [ErrorCode(401, "invalid_credentials"), ErrorCode(503, "unavailable")],
        summary: "Change the caller's password; the other sign-ins end"
    )
    package let forgot = Endpoint(
        "access.password.forgot",
        .POST,
        "/auth/password/forgot",
        service: .access,
        guard: .open(because: "whoever has forgotten it cannot sign in"),
        tenancy: Tenancy.none,
        takes: ForgottenPassword.self,
        gives: ResetRequested.self,
        status: 202,
        audit: .login,
        summary: "Have a link to a new password sent, if there is such an account"
    )
    package let reset = Endpoint(
        "access.password.reset",
        .POST,
        "/auth/password/reset",
        service: .access,
        guard: .open(because: "the link's token is the proof"),
        tenancy: Tenancy.none,
        takes: NewPassword.self,
        gives: EmptyOutput.self,
        audit: .login,
        errors: [ErrorCode(404, "not_found"), ErrorCode(410, "reset_expired"), ErrorCode(503, "unavailable")],
        summary: "Set a new password by the link that was sent; every sign-in ends"
    )

    package init() {}

    package var all: [any EndpointDescription] { [change, forgot, reset] }
}

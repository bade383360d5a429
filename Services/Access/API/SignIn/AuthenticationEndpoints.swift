package import Contracts
import Core

/// Signing in and out, and one's own account.
package struct AuthenticationEndpoints: Sendable {
    package let login = Endpoint(
        "access.auth.login",
        .POST,
        "/auth/login",
        service: .access,
        guard: .open(because: "it is how one signs in"),
        tenancy: Tenancy.none,
        takes: LoginRequest.self,
        gives: SignedIn.self,
        audit: .login,
        errors: [
            ErrorCode(401, "invalid_credentials"), ErrorCode(401, "totp_required"), ErrorCode(401, "totp_invalid"),
            ErrorCode(503, "unavailable"),
        ],
        summary: "Sign in with an e-mail address and a password"
    )
    package let refresh = Endpoint(
        "access.auth.refresh",
        .POST,
        "/auth/refresh",
        service: .access,
        guard: .open(because: "the refresh token is the proof"),
        tenancy: Tenancy.none,
        takes: RefreshRequest.self,
        gives: SignedIn.self,
        audit: .login,
        errors: [ErrorCode(401, "invalid_refresh_token")],
        summary: "Exchange a refresh token for new tokens"
    )
    package let logout = Endpoint(
        "access.auth.logout",
        .POST,
        "/auth/logout",
        service: .access,
        guard: .open(because: "the refresh token is the proof"),
        tenancy: Tenancy.none,
        takes: LogoutRequest.self,
        gives: EmptyOutput.self,
        audit: .login,
        summary: "End a sign-in"
    )
    package let acceptInvitation = Endpoint(
        "access.auth.accept_invitation",
        .POST,
        "/auth/invitations/accept",
        service: .access,
        guard: .open(because: "the invitation's token is the proof"),
        tenancy: Tenancy.none,
        takes: AcceptInvitation.self,
        gives: SignedIn.self,
        audit: .login,
        errors: [
            ErrorCode(401, "invalid_credentials"), ErrorCode(401, "totp_required"), ErrorCode(401, "totp_invalid"),
            ErrorCode(404, "not_found"), ErrorCode(409, "email_required"), ErrorCode(410, "invitation_expired"),
        ],
        summary: "Accept an invitation, set a password where there is none yet, and sign in"
    )
    package let listSessions = Endpoint(
        "access.sessions.list",
        .GET,
        "/auth/sessions",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: ListRequest.self,
        gives: Page<Session>.self,
        audit: .none(because: "the caller's own account"),
        summary: "The caller's open sign-ins"
    )
    package let endSession = Endpoint(
        "access.sessions.end",
        .DELETE,
        "/auth/sessions/{id}",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: SessionPath.self,
        gives: EmptyOutput.self,
        audit: .login,
        summary: "End one of the caller's sign-ins"
    )
    package let me = Endpoint(
        "access.me.read",
        .GET,
        "/auth/me",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: Me.self,
        audit: .none(because: "the caller's own account"),
        summary: "Who the caller is and may do where"
    )
    package let updateMe = Endpoint(
        "access.me.update",
        .PATCH,
        "/auth/me",
        service: .access,
        guard: .signedIn,
        tenancy: Tenancy.none,
        takes: MePatch.self,
        gives: Me.self,
        audit: .change,
        precondition: .honoured,
        errors: [
            ErrorCode(401, "invalid_code"), ErrorCode(401, "invalid_credentials"), ErrorCode(409, "last_address"),
            ErrorCode(503, "unavailable"),
        ],
        summary: "Change the caller's own name, language or phone number"
    )
    package let keys = Endpoint(
        "access.keys.list",
        .GET,
        "//.well-known/jwks.json",
        service: .access,
        guard: .open(because: "public keys are public"),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: KeySet.self,
        audit: .none(because: "public keys are public"),
        summary: "The keys access tokens are signed with, current and next (RFC 7517)"
    )

    package init() {}

    package var all: [any EndpointDescription] {
        [login, refresh, logout, acceptInvitation, listSessions, endSession, me, updateMe, keys]
    }
}

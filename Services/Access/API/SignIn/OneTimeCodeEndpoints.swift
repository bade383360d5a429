package import Contracts
import Core

/// Signing in without a password, and registering.
package struct OneTimeCodeEndpoints: Sendable {
    package let request = Endpoint(
        "access.auth.request_code",
        .POST,
        "/auth/otp/request",
        service: .access,
        guard: .open(because: "it is how one signs in without a password"),
        tenancy: Tenancy.none,
        takes: CodeRequest.self,
        gives: CodeRequested.self,
        status: 202,
        audit: .login,
        summary: "Have a one-time code sent to an address, if it leads to an account"
    )
    package let verify = Endpoint(
        "access.auth.verify_code",
        .POST,
        "/auth/otp/verify",
        service: .access,
        guard: .open(because: "the code is the proof"),
        tenancy: Tenancy.none,
        takes: CodeProof.self,
        gives: SignedIn.self,
        audit: .login,
        errors: [ErrorCode(401, "invalid_code"), ErrorCode(409, "slug_taken")],
        summary: "Sign in with a one-time code, or end a registration with it"
    )
    package let register = Endpoint(
        "access.auth.register",
        .POST,
        "/auth/register",
        service: .access,
        guard: .open(because: "it is how one comes by an account"),
        tenancy: Tenancy.none,
        takes: Registration.self,
        gives: CodeRequested.self,
        status: 202,
        audit: .login,
        errors: [
            ErrorCode(403, "registration_closed"), ErrorCode(409, "slug_taken"), ErrorCode(503, "unavailable"),
        ],
        summary: "Register as a patient, or with a new clinic; the code that is sent ends it"
    )

    package init() {}

    package var all: [any EndpointDescription] { [request, verify, register] }
}

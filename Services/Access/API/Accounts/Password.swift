package import Contracts
package import Core

/// Another password for the caller's account.
package struct PasswordChange: Wire {
    package var currentPassword: String
    package var newPassword: String

    package init(currentPassword: String, newPassword: String) {
        self.currentPassword = currentPassword
        self.newPassword = newPassword
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.currentPassword, 1...LoginRequest.longestPassword),
            .secret(CodingKeys.currentPassword),
            .length(CodingKeys.newPassword, AcceptInvitation.shortestPassword...LoginRequest.longestPassword),
            .secret(CodingKeys.newPassword),
        ]
    }
}

/// Whose password is forgotten.
package struct ForgottenPassword: Wire {
    package var email: EmailAddress
    /// The clinic whose trail tells of it; all of the person's clinics when absent.
    package var clinicId: ClinicID?

    package init(email: EmailAddress, clinicId: ClinicID? = nil) {
        self.email = email
        self.clinicId = clinicId
    }
}

/// The answer to whoever has forgotten a password, the same whether there is an account or not.
package struct ResetRequested: Wire, Hashable {
    /// Always `accepted`.
    package var status: String

    package init() { status = "accepted" }

    package static var limits: [Limit] {
        [
            .example(CodingKeys.status, "accepted"),
            .describe(CodingKeys.status, "Always `accepted`: whether there is such an account is not told."),
        ]
    }
}

/// A new password by the link that was sent.
package struct NewPassword: Wire {
    package var token: String
    package var password: String

    package init(token: String, password: String) {
        self.token = token
        self.password = password
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.token, 1...RefreshRequest.longestToken), .secret(CodingKeys.token),
            .length(CodingKeys.password, AcceptInvitation.shortestPassword...LoginRequest.longestPassword),
            .secret(CodingKeys.password),
        ]
    }
}

package import Contracts

/// Begins with an authenticator app; the password shows that it is still the account's owner who asks.
package struct EnrollTOTP: Wire {
    package var password: String

    package init(password: String) { self.password = password }

    package static var limits: [Limit] {
        [.length(CodingKeys.password, 1...LoginRequest.longestPassword), .secret(CodingKeys.password)]
    }
}

/// What an authenticator app is fed with; shown once.
package struct TOTPEnrollment: Wire {
    /// Base32 (RFC 4648).
    package var secret: String
    /// The same as `otpauth://` for a QR code: SHA-1, 6 digits, 30 seconds.
    package var uri: String

    package init(secret: String, uri: String) {
        self.secret = secret
        self.uri = uri
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.secret, "Base32 (RFC 4648); shown once."),
            .describe(CodingKeys.uri, "The same as an otpauth URI for a QR code: SHA-1, 6 digits, 30 seconds."),
        ]
    }
}

/// Shows that the app has the secret.
package struct ConfirmTOTP: Wire {
    /// The digits the app shows, or a recovery code, at most.
    package static let longestCode = 16

    package var code: String

    package init(code: String) { self.code = code }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.code, 6...longestCode), .secret(CodingKeys.code),
            .describe(CodingKeys.code, "The six digits the app shows."),
        ]
    }
}

/// Shows that the owner of both password and app asks.
package struct ProvenRequest: Wire {
    package var password: String
    /// A code of the app, or a recovery code.
    package var code: String

    package init(password: String, code: String) {
        self.password = password
        self.code = code
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.password, 1...LoginRequest.longestPassword), .secret(CodingKeys.password),
            .length(CodingKeys.code, 6...ConfirmTOTP.longestCode), .secret(CodingKeys.code),
            .describe(CodingKeys.code, "The six digits the app shows, or a recovery code."),
        ]
    }
}

/// Codes for whoever loses the app, each good once; shown once.
package struct RecoveryCodes: Wire {
    package var recoveryCodes: [String]

    package init(recoveryCodes: [String]) { self.recoveryCodes = recoveryCodes }

    package static var limits: [Limit] {
        [.describe(CodingKeys.recoveryCodes, "Each good for one sign-in without the app; shown once.")]
    }
}

package import Contracts
package import Core

/// What a one-time code is for.
package enum CodePurpose: String, Hashable, Sendable, Codable, CaseIterable {
    case signIn = "sign_in"
    case registration
    case clinicRegistration = "clinic_registration"
}

/// Where a code is to be sent: exactly one of `email` and `phone`, of exactly one of `clinicId` and `clinicSlug`.
package struct CodeRequest: Wire {
    /// Codes for registering are sent by registering.
    package enum Purpose: String, Hashable, Sendable, Codable, CaseIterable { case signIn = "sign_in" }

    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var purpose: Purpose?

    package init(
        clinicId: ClinicID? = nil,
        clinicSlug: Slug? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        purpose: Purpose? = nil
    ) {
        self.clinicId = clinicId
        self.clinicSlug = clinicSlug
        self.email = email
        self.phone = phone
        self.purpose = purpose
    }
}

/// That a code was asked for.
///
/// It reads the same whether one was sent or not.
package struct CodeRequested: Wire, Hashable {
    package var expiresIn: Int

    package init(expiresIn: Int) { self.expiresIn = expiresIn }

    package static var limits: [Limit] {
        [.describe(CodingKeys.expiresIn, "Seconds for which a code is good, if one was sent.")]
    }
}

/// A code, with the address and the clinic that it was asked for.
package struct CodeProof: Wire {
    package static let digits = 6

    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var code: String
    /// Any when absent.
    package var purpose: CodePurpose?

    package init(
        clinicId: ClinicID? = nil,
        clinicSlug: Slug? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        code: String,
        purpose: CodePurpose? = nil
    ) {
        self.clinicId = clinicId
        self.clinicSlug = clinicSlug
        self.email = email
        self.phone = phone
        self.code = code
        self.purpose = purpose
    }

    package static var limits: [Limit] {
        [.length(CodingKeys.code, digits...digits), .secret(CodingKeys.code), .example(CodingKeys.code, "204719")]
    }
}

/// Who wants an account: a patient of the clinic that is named, or the owner of one to be made (`clinic`).
///
/// The address is proved by the code that is sent to it; without a password one signs in with codes.
package struct Registration: Wire {
    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    /// A clinic to be made, where the operator allows it.
    package var clinic: ClinicDraft?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var name: String
    package var password: String?
    /// A language tag (BCP 47).
    package var locale: String?
    /// Of a patient: tells whose record is theirs where the clinic has one with the address.
    package var birthDate: CalendarDate?

    package init(
        clinicId: ClinicID? = nil,
        clinicSlug: Slug? = nil,
        clinic: ClinicDraft? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        name: String,
        password: String? = nil,
        locale: String? = nil,
        birthDate: CalendarDate? = nil
    ) {
        self.birthDate = birthDate
        self.clinicId = clinicId
        self.clinicSlug = clinicSlug
        self.clinic = clinic
        self.email = email
        self.phone = phone
        self.name = name
        self.password = password
        self.locale = locale
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Member.longestName), .length(CodingKeys.locale, 2...35),
            .length(CodingKeys.password, AcceptInvitation.shortestPassword...LoginRequest.longestPassword),
            .secret(CodingKeys.password),
        ]
    }
}

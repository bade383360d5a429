package import Contracts
package import Core

/// The channel a code is wanted by: `email` for an e-mail address, `sms` (the usual one) or `whatsapp` for a number.
///
/// A number that is not reached by the one is tried by the other.
package enum CodeChannel: String, Hashable, Sendable, Codable, CaseIterable { case email, sms, whatsapp }

/// Where a code is to be sent: exactly one of `email` and `phone`, of exactly one of `clinicId` and `clinicSlug`.
package struct CodeRequest: Wire {
    /// Codes for registering are sent by registering.
    package enum Purpose: String, Hashable, Sendable, Codable, CaseIterable { case signIn = "sign_in" }

    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var channel: CodeChannel?
    package var purpose: Purpose?

    package init(
        clinicId: ClinicID? = nil,
        clinicSlug: Slug? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        channel: CodeChannel? = nil,
        purpose: Purpose? = nil
    ) {
        self.clinicId = clinicId
        self.clinicSlug = clinicSlug
        self.email = email
        self.phone = phone
        self.channel = channel
        self.purpose = purpose
    }

    package static var limits: [Limit] { [.describe(CodingKeys.channel, channelNote)] }

    static let channelNote =
        "`sms` (the usual one) or `whatsapp` for a number, which is tried by the other if the one fails; `email` for an address."
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

    /// What the code was sent for.
    package enum Purpose: String, Hashable, Sendable, Codable, CaseIterable {
        case signIn = "sign_in"
        case registration
        case clinicRegistration = "clinic_registration"
    }

    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var code: String
    /// Any when absent.
    package var purpose: Purpose?

    package init(
        clinicId: ClinicID? = nil,
        clinicSlug: Slug? = nil,
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        code: String,
        purpose: Purpose? = nil
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
/// The address is proved by the code that is sent to it; without a password one signs in with codes. A password goes with
/// an e-mail address.
package struct Registration: Wire {
    package var clinicId: ClinicID?
    package var clinicSlug: Slug?
    /// A clinic to be made, where the operator allows it.
    package var clinic: ClinicDraft?
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var channel: CodeChannel?
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
        channel: CodeChannel? = nil,
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
        self.channel = channel
        self.name = name
        self.password = password
        self.locale = locale
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.name, 1...Member.longestName), .length(CodingKeys.locale, 2...35),
            .length(CodingKeys.password, AcceptInvitation.shortestPassword...LoginRequest.longestPassword),
            .secret(CodingKeys.password), .describe(CodingKeys.channel, CodeRequest.channelNote),
        ]
    }
}

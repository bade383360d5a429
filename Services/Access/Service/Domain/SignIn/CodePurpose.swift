package import AccessAPI

/// What a one-time code is for.
package enum CodePurpose: String, Sendable, CaseIterable {
    case signIn = "sign_in"
    case registration
    case clinicRegistration = "clinic_registration"
    /// Another number for an account that somebody is signed in to; signs nobody in.
    case phoneChange = "phone_change"

    /// What may be meant by a code that is presented by somebody who is not signed in.
    package static func presented(_ purpose: CodeProof.Purpose?) -> [CodePurpose] {
        switch purpose {
        case .signIn: [.signIn]
        case .registration: [.registration]
        case .clinicRegistration: [.clinicRegistration]
        case nil: [.signIn, .registration, .clinicRegistration]
        }
    }
}

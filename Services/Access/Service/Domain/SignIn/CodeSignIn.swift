import AccessAPI
import Authorization
import Core

/// Who is let in by a code that a clinic has sent.
enum CodeSignIn {
    /// Why nobody is; the caller is told the same in every case.
    enum Refusal: String {
        case unknownAccount = "unknown_account"
        case notActive = "not_active"
        case notMember = "not_member"
        case reachesFurther = "reaches_further"
        case secondFactor = "second_factor"
        case tooManyRequests = "too_many_requests"
    }

    /// The clinic's own provider carries the code, and who runs the provider could read it: what a code opens must not
    /// reach past the clinic.
    static func refusal(_ account: StoredCredential?, _ system: SystemGrant?, clinic: ClinicID?) -> Refusal? {
        guard let account else { return .unknownAccount }
        guard account.user.status == .active else { return .notActive }
        // Whoever has asked for two proofs is not let in by one.
        if account.hasSecondFactor { return .secondFactor }
        guard let clinic, account.clinics.contains(clinic) else { return .notMember }
        return account.clinics == [clinic] && system == nil ? nil : .reachesFurther
    }
}

package import Core

/// The answer to "may this user do this here", with what a request's principal carries on.
package struct Decision: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case allowed(Scope)
        /// Belongs to the clinic and lacks the permission.
        case forbidden
        /// Has nothing to do with the clinic, or there is none.
        case notMember
        /// The sign-in was ended.
        case revoked
        /// The user is unknown or deactivated.
        case inactive
    }

    package var outcome: Outcome
    /// Names of the roles held in the clinic, system roles that count there included.
    package var roles: [String]
    package var patient: PatientID?
    package var doctor: DoctorID?
    /// Why a member is forbidden whatever they hold: nobody but system roles is let into a suspended clinic.
    package var isClinicSuspended = false

    package init(
        _ outcome: Outcome,
        roles: [String] = [],
        patient: PatientID? = nil,
        doctor: DoctorID? = nil
    ) {
        self.outcome = outcome
        self.roles = roles
        self.patient = patient
        self.doctor = doctor
    }

    package var scope: Scope? {
        if case .allowed(let scope) = outcome { scope } else { nil }
    }
}

package import Contracts
package import Core

/// Questions whether somebody may do things in the clinic of the request.
package struct AccessCheckRequest: Wire {
    package static let mostChecks = 100

    package var checks: [AccessCheck]
    /// About whom; the caller when absent.
    ///
    /// Asking about others needs `roles:assign`.
    package var user: UserID?

    package init(checks: [AccessCheck], user: UserID? = nil) {
        self.checks = checks
        self.user = user
    }

    package static var limits: [Limit] { [.count(CodingKeys.checks, 1...mostChecks)] }
}

/// One question.
package struct AccessCheck: Wire, Hashable {
    package var permission: Permission
    /// What is known of the thing it would be done to.
    package var resource: CheckedResource?

    package init(permission: Permission, resource: CheckedResource? = nil) {
        self.permission = permission
        self.resource = resource
    }
}

/// Where a thing belongs.
package struct CheckedResource: Wire, Hashable {
    package var locationId: LocationID?
    package var patientId: PatientID?
    package var doctorId: DoctorID?

    package init(locationId: LocationID? = nil, patientId: PatientID? = nil, doctorId: DoctorID? = nil) {
        self.locationId = locationId
        self.patientId = patientId
        self.doctorId = doctorId
    }
}

/// The answers, in the order of the questions.
package struct AccessCheckReply: Wire, Hashable {
    package var items: [AccessAnswer]

    package init(items: [AccessAnswer]) { self.items = items }
}

/// One answer with its reason.
package struct AccessAnswer: Wire, Hashable {
    package var permission: Permission
    package var allowed: Bool
    /// A stable code: `allowed_by_role`, `forbidden`, `unknown_permission`, `record_missing`, `expired`,
    /// `clinic_suspended`, `not_member`, `inactive`, `revoked`, `location_out_of_scope`, `patient_out_of_scope` or
    /// `doctor_out_of_scope`.
    package var reason: String
    /// The role that gives it.
    package var role: String?
    /// How far it reaches.
    package var scope: PermissionScope?
    /// With the scope `locations`: which.
    package var locationIds: [LocationID]?

    package init(
        permission: Permission,
        allowed: Bool,
        reason: String,
        role: String? = nil,
        scope: PermissionScope? = nil,
        locationIds: [LocationID]? = nil
    ) {
        self.permission = permission
        self.allowed = allowed
        self.reason = reason
        self.role = role
        self.scope = scope
        self.locationIds = locationIds
    }

    package static var limits: [Limit] { [.example(CodingKeys.reason, "allowed_by_role")] }
}

/// The twelve built-in roles; the raw value is the name on the wire.
package enum Role: String, Hashable, Sendable, Codable, CaseIterable {
    case superAdmin = "SUPER_ADMIN"
    case clinicAdmin = "CLINIC_ADMIN"
    case locationHead = "LOCATION_HEAD"
    case doctor = "DOCTOR"
    case nurse = "NURSE"
    case receptionist = "RECEPTIONIST"
    case pharmacist = "PHARMACIST"
    case labTechnician = "LAB_TECHNICIAN"
    case patient = "PATIENT"
    case accountant = "ACCOUNTANT"
    case inventoryManager = "INVENTORY_MANAGER"
    case systemAuditor = "SYSTEM_AUDITOR"

    /// Held for the installation rather than in one clinic; never granted by a clinic.
    package var isSystem: Bool { self == .superAdmin || self == .systemAuditor }

    /// What the role is for.
    package var summary: String {
        switch self {
        case .superAdmin: "Runs the installation and looks after every clinic"
        case .clinicAdmin: "Runs the clinic: its people, its settings and everything in it"
        case .locationHead: "Runs some of the clinic's locations"
        case .doctor: "Treats patients and keeps a calendar"
        case .nurse: "Cares for the patients of some locations"
        case .receptionist: "Books visits and receives patients"
        case .pharmacist: "Hands out what was prescribed"
        case .labTechnician: "Examines samples and reports on them"
        case .patient: "Sees and changes what is their own"
        case .accountant: "Keeps the clinic's books"
        case .inventoryManager: "Keeps the clinic's stock"
        case .systemAuditor: "Reads the audit trail and changes nothing"
        }
    }
}

/// How far a role's permission reaches.
package enum ScopeRule: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    /// What belongs to the caller's own patient record. Widest last.
    case own
    /// Patients whom the caller's doctor record treats, and that doctor's calendar.
    case treated
    /// The locations the role was granted for; the whole clinic where the grant names none.
    case locations
    /// The whole clinic, whatever locations the grant names.
    case clinic

    private var width: Int {
        switch self {
        case .own: 0
        case .treated: 1
        case .locations: 2
        case .clinic: 3
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.width < right.width }
}

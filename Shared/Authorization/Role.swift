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

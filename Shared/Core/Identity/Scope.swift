/// How far into a clinic's data a decision reaches.
///
/// Sealed into every request; services hand it to PostgreSQL, whose restrictive policies hold it for every row.
package enum Scope: Hashable, Sendable, Codable {
    /// The whole clinic.
    case clinic
    /// Rows of these locations only; rows without a location are seen.
    case locations([LocationID])
    /// What belongs to this patient only.
    case own(PatientID)
    /// Patients this doctor treats, and this doctor's calendar.
    case treated(DoctorID)
    /// The signed-in user's own account only: no clinic data at all.
    case account

    /// The word that stands in `app.scope`.
    package var word: String {
        switch self {
        case .clinic: "clinic"
        case .locations: "locations"
        case .own: "own"
        case .treated: "treated"
        case .account: "account"
        }
    }
}

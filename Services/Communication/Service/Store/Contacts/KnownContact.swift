import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// Somebody who is written to, with everything a message needs to know of them.
struct KnownContact: Sendable, Equatable {
    var id: ContactID
    /// Of the preferences.
    var version: Int64
    var patientID: PatientID?
    var name: String?
    var email: EmailAddress?
    var phone: PhoneNumber?
    /// Of who hides their number, and is known by nothing else.
    var whatsAppUser: WhatsAppUserID?
    /// Chosen by the contact, else the account's, else the patient record's.
    var locale: String?
    /// Chosen by the contact; else the account's or the clinic's holds.
    var timeZone: TimeZoneName?
    var choice: Choice
    /// An app of theirs is registered.
    var hasDevices = false

    /// What the contact has chosen.
    struct Choice: Sendable, Equatable {
        var locale: String?
        var timeZone: TimeZoneName?
        var categories: [CategoryPreference] = []
        var consents: [Consent] = []
    }
}

extension KnownContact {
    /// A patient, or somebody known like one, with what they have chosen.
    init(
        _ id: ContactID,
        version: Int64,
        _ patientID: PatientID?,
        _ known: ProjectionStore.PatientContact,
        _ choice: Choice
    ) {
        self.init(
            id: id,
            version: version,
            patientID: patientID,
            name: known.patient.name.isEmpty ? nil : known.patient.name,
            email: known.patient.email,
            phone: known.patient.phone,
            locale: choice.locale ?? known.locale,
            timeZone: choice.timeZone,
            choice: choice
        )
    }
}

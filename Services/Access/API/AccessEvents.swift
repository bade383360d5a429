package import Contracts
package import Core

/// A clinic's whole public state after a change.
package struct ClinicChanged: EventPayload, Hashable {
    package static var kind: String { "clinic.changed" }
    package static var category: EventCategory { .clinic }
    package static var topic: ServiceName { .access }

    package var clinic: Clinic

    package init(clinic: Clinic) { self.clinic = clinic }
}

/// A location's whole public state after a change.
package struct LocationChanged: EventPayload, Hashable {
    package static var kind: String { "location.changed" }
    package static var category: EventCategory { .clinic }
    package static var topic: ServiceName { .access }

    package var location: Location
    /// True once it has been removed; the state is its last one.
    package var deleted: Bool

    package init(location: Location, deleted: Bool = false) {
        self.location = location
        self.deleted = deleted
    }
}

/// Somebody has registered as a patient of the clinic and proved the address.
package struct PatientRegistered: EventPayload, Hashable {
    package static var kind: String { "patient.registered" }
    package static var category: EventCategory { .userActivity }
    package static var topic: ServiceName { .access }

    package var userId: UserID
    /// Exactly one of `email` and `phone`: proved by a code that was sent to it.
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    /// As the person has said; not proved.
    package var birthDate: CalendarDate?

    package init(
        userId: UserID,
        email: EmailAddress?,
        phone: PhoneNumber? = nil,
        birthDate: CalendarDate?
    ) {
        self.userId = userId
        self.email = email
        self.phone = phone
        self.birthDate = birthDate
    }
}

/// A member's whole public state after a change: one per user and clinic.
package struct UserChanged: EventPayload, Hashable {
    package static var kind: String { "user.changed" }
    package static var category: EventCategory { .userActivity }
    package static var topic: ServiceName { .access }

    /// Never with an invitation.
    package var user: Member
    /// The language the person reads.
    package var locale: String?
    /// Absent: that of whatever they are told about.
    package var timeZone: TimeZoneName?
    /// How the person wants to be told things; absent: as the clinic chooses.
    package var notices: [NoticePreference]?
    /// True once the person has left the clinic; the state is the last one.
    package var deleted: Bool

    package init(
        user: Member,
        locale: String? = nil,
        timeZone: TimeZoneName? = nil,
        notices: [NoticePreference]? = nil,
        deleted: Bool = false
    ) {
        self.user = user
        self.locale = locale
        self.timeZone = timeZone
        self.notices = notices
        self.deleted = deleted
    }
}

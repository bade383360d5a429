package import Contracts
package import Core

/// What people are told about their accounts; each is a template that every clinic has.
package enum NoticeTemplate: String, Hashable, Sendable, Codable, CaseIterable {
    case invitation
    case oneTimeCode = "one_time_code"
    case passwordReset = "password_reset"
    case passwordChanged = "password_changed"
    /// Somebody has tried to register with the address of an account that exists.
    case accountExists = "account_exists"
    case breakGlassStarted = "break_glass_started"
    case secondFactorReset = "second_factor_reset"
    /// The account has another number, or none any more.
    case phoneChanged = "phone_changed"
    case welcome
}

/// Somebody is to be told something about their account, at once, through the clinic's own providers.
///
/// Critical and of the category `security`. Addresses, codes and links are sealed for communication alone.
package struct NoticeRequested: EventPayload, Hashable {
    package static var kind: String { "notice.requested" }
    package static var category: EventCategory { .userActivity }
    package static var topic: ServiceName { .access }
    package static var priority: EventPriority { .critical }

    package var id: NoticeID
    /// Absent for an address without an account.
    package var userId: UserID?
    package var template: NoticeTemplate
    /// The language the person reads.
    package var locale: String?
    /// Not sent any more after.
    package var expiresAt: Instant
    /// A `NoticeContent`, sealed, in base64.
    package var sealed: RawBody

    package init(
        id: NoticeID,
        userId: UserID?,
        template: NoticeTemplate,
        locale: String?,
        expiresAt: Instant,
        sealed: RawBody
    ) {
        self.id = id
        self.userId = userId
        self.template = template
        self.locale = locale
        self.expiresAt = expiresAt
        self.sealed = sealed
    }

    /// What the sealed part is bound to: it opens for no other clinic, notice or template.
    package static func place(of id: NoticeID, _ template: NoticeTemplate, in clinic: ClinicID) -> [[UInt8]] {
        [clinic.bytes, id.bytes, Array(kind.utf8), Array(template.rawValue.utf8)]
    }
}

/// The part of a notice that nobody else may read: whom it reaches and what it says.
package struct NoticeContent: Wire, Hashable {
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    /// In the order in which they are to be tried; absent: as the clinic chooses.
    package var channels: [NoticeChannel]?
    /// The template's variables, but for the clinic's name.
    package var data: [String: JSONValue]

    package init(
        email: EmailAddress?,
        phone: PhoneNumber?,
        channels: [NoticeChannel]? = nil,
        data: [String: JSONValue]
    ) {
        self.email = email
        self.phone = phone
        self.channels = channels
        self.data = data
    }
}

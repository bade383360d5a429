import AccessAPI
package import Bus
import Contracts
import Core
import Outbox
import Postgres

/// What somebody is told about their account, with the secret it is about.
enum Notice: Sendable {
    case invitation(link: Secret)
    case oneTimeCode(Secret, minutes: Int)
    case passwordReset(link: Secret)
    case passwordChanged
    case accountExists
    /// To those who review it: who has begun, and for how long; the patient is not named.
    case breakGlassStarted(by: String, minutes: Int)
    case secondFactorReset
    case phoneChanged
    case welcome

    var template: NoticeTemplate {
        switch self {
        case .invitation: .invitation
        case .oneTimeCode: .oneTimeCode
        case .passwordReset: .passwordReset
        case .passwordChanged: .passwordChanged
        case .accountExists: .accountExists
        case .breakGlassStarted: .breakGlassStarted
        case .secondFactorReset: .secondFactorReset
        case .phoneChanged: .phoneChanged
        case .welcome: .welcome
        }
    }

    /// The variables of its template.
    var data: [String: JSONValue] {
        switch self {
        case .invitation(let link), .passwordReset(let link): ["link": .string(link.unredacted)]
        case .oneTimeCode(let code, let minutes):
            ["code": .string(code.unredacted), "minutes": .integer(Int64(minutes))]
        case .breakGlassStarted(let name, let minutes):
            ["personName": .string(name), "minutes": .integer(Int64(minutes))]
        case .passwordChanged, .accountExists, .secondFactorReset, .phoneChanged, .welcome: [:]
        }
    }
}

/// Has people told about their accounts by communication, through the providers of a clinic.
package struct Notices: Sendable {
    /// Whom a notice reaches.
    struct Recipient: Sendable {
        var user: UserID?
        var email: EmailAddress?
        var phone: PhoneNumber?
        var locale: String?
        /// In the order in which they are to be tried; absent: as the person prefers.
        var channels: [NoticeChannel]?

        init(
            user: UserID?,
            email: EmailAddress? = nil,
            phone: PhoneNumber? = nil,
            locale: String? = nil,
            channels: [NoticeChannel]? = nil
        ) {
            self.user = user
            self.email = email
            self.phone = phone
            self.locale = locale
            self.channels = channels
        }

        init(_ user: StoredUser, channels: [NoticeChannel]? = nil) {
            self.init(user: user.id, email: user.email, phone: user.phone, locale: user.locale, channels: channels)
        }
    }

    private let seal: EdgeSeal

    package init(keys: EdgeKeys) { seal = EdgeSeal(.notices, keys: keys) }

    /// Appends the request to the transaction of what the notice is about, which is opened for the clinic that sends it.
    ///
    /// - Parameter expiresAt: when it would be of no use any more.
    func request(
        _ notice: Notice,
        to recipient: Recipient,
        expiresAt: Instant,
        by actor: String,
        in tx: borrowing Transaction
    ) throws {
        guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
        let id = NoticeID()
        let content = NoticeContent(
            email: recipient.email,
            phone: recipient.phone,
            channels: try Self.channels(of: recipient, in: tx),
            data: notice.data
        )
        let place = NoticeRequested.place(of: id, notice.template, in: clinic)
        let payload = NoticeRequested(
            id: id,
            userId: recipient.user,
            template: notice.template,
            locale: recipient.locale,
            expiresAt: expiresAt,
            sealed: RawBody(try seal.seal(try JSONWriter.encode(content), for: place))
        )
        try Outbox.append(payload, aggregate: "notice:\(id)", version: 1, actor: actor, in: tx)
    }

    private static func channels(
        of recipient: Recipient,
        in tx: borrowing Transaction
    ) throws -> [NoticeChannel] {
        if let channels = recipient.channels { return channels }
        let preferences = try recipient.user.map { try PreferenceStore.find($0, in: tx) }
        let chosen = preferences?.notices.first { $0.kind == .accountSecurity }?.channels
        return NoticeRoute.channels(chosen, email: recipient.email, phone: recipient.phone)
    }
}

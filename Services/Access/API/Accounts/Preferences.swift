package import Contracts
package import Core

/// How somebody wants to be told things.
package struct Preferences: Wire, Hashable {
    /// A language tag (BCP 47); the account's own.
    package var locale: String?
    /// Absent: the time zone of whatever a notice is about.
    package var timeZone: TimeZoneName?
    /// At most one for each kind; what is not listed reaches the person as the clinic chooses.
    package var notices: [NoticePreference]

    package init(locale: String? = nil, timeZone: TimeZoneName? = nil, notices: [NoticePreference] = []) {
        self.locale = locale
        self.timeZone = timeZone
        self.notices = notices
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.locale, 2...35), .count(CodingKeys.notices, 0...NoticeKind.allCases.count),
            .describe(CodingKeys.timeZone, "Absent: the time zone of what a notice is about."),
            .describe(
                CodingKeys.notices,
                "At most one for each kind; what is not listed reaches the person as the clinic chooses."
            ),
        ]
    }
}

/// How one kind of notice is to reach somebody.
package struct NoticePreference: Wire, Hashable {
    package var kind: NoticeKind
    /// In the order of preference.
    ///
    /// None: not at all. Absent: as the clinic chooses.
    package var channels: [NoticeChannel]?
    /// When it has to wait until they are over.
    package var quietHours: QuietHours?

    package init(kind: NoticeKind, channels: [NoticeChannel]? = nil, quietHours: QuietHours? = nil) {
        self.kind = kind
        self.channels = channels
        self.quietHours = quietHours
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.channels, 0...NoticeChannel.allCases.count),
            .describe(
                CodingKeys.channels,
                """
                In the order of preference; an empty list: not at all. Absent: as the clinic chooses. Of account_security \
                only the order is a choice: what is not listed is tried last.
                """
            ),
        ]
    }
}

/// Hours of a day, in the person's time zone; they may reach over midnight.
package struct QuietHours: Wire, Hashable {
    package var from: TimeOfDay
    package var to: TimeOfDay

    package init(from: TimeOfDay, to: TimeOfDay) {
        self.from = from
        self.to = to
    }
}

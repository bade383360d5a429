import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
// FoundationEssentials alone knows no named zone.
import FoundationInternationalization

/// What contacts' preferences must be, and what they mean for a message.
enum PreferenceRules {
    /// Throws 422 naming every member that is wrong.
    ///
    /// - Parameters:
    ///   - patient: whose contact it is, if a patient's.
    ///   - consents: as they are shown now.
    static func check(
        _ draft: ContactPreferencesDraft,
        of patient: PatientID?,
        _ consents: [Consent]
    ) throws(Problem) {
        var faults: [Problem.Fault] = []
        // Who names another patient means another contact.
        if let named = draft.patientId, named != patient {
            faults.append(.init(pointer: "/patientId", "is not the contact's patient"))
        }
        // What nobody takes is refused: it would read as if it were kept.
        if let given = draft.consents, Set(given) != Set(consents) {
            faults.append(
                .init(pointer: "/consents", "must be as they were read, or absent: they follow from categories")
            )
        }
        if let locale = draft.locale, !LocaleChain.isTag(locale) {
            faults.append(.init(pointer: "/locale", "is not a language tag"))
        }
        if let zone = draft.timeZone, Self.zone(zone) == nil {
            faults.append(.init(pointer: "/timeZone", "is not a known time zone"))
        }
        var seen: Set<MessageCategory> = []
        for (index, preference) in draft.categories.enumerated() {
            let place = "/categories/\(index)"
            if !seen.insert(preference.category).inserted {
                faults.append(.init(pointer: "\(place)/category", "is listed before"))
            }
            if let channels = preference.channels, Set(channels).count != channels.count {
                faults.append(.init(pointer: "\(place)/channels", "has a channel twice"))
            }
            if let quiet = preference.quietHours, quiet.from == quiet.to {
                faults.append(.init(pointer: "\(place)/quietHours", "begin when they end"))
            }
            // Who asks for a code wants it, now.
            guard preference.category == .security else { continue }
            if preference.channels?.isEmpty == true {
                faults.append(.init(pointer: "\(place)/channels", "must not be empty for security"))
            }
            if preference.quietHours != nil {
                faults.append(.init(pointer: "\(place)/quietHours", "must be absent for security"))
            }
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }

    /// What was said, once it is said with these preferences; what was said before and still holds keeps its time.
    ///
    /// Marketing that was declined stays declined until channels are chosen for it: who says nothing of it has not agreed.
    ///
    /// - Parameters:
    ///   - said: with the preferences of before.
    ///   - standing: the same with the opt-outs in force.
    static func consents(
        _ said: [Consent],
        _ standing: [Consent],
        after categories: [CategoryPreference],
        by source: String,
        at now: Instant
    ) -> [Consent] {
        let chosen = Set(categories.filter { $0.channels != nil }.map(\.category))
        let kept = said.filter { $0.category == .marketing && !$0.granted && !chosen.contains($0.category) }
        return kept
            + categories.flatMap { preference -> [Consent] in
                guard let channels = preference.channels else { return [] }
                return MessageChannel.allCases.map { channel in
                    let granted = channels.contains(channel)
                    // Who agreed and then opted out has not agreed anew by being shown unchanged.
                    let before = [said, standing].compactMap { consents in
                        consents.first { $0.category == preference.category && $0.channel == channel }
                    }
                    if let kept = before.first(where: { $0.granted == granted }) { return kept }
                    return Consent(
                        category: preference.category,
                        channel: channel,
                        granted: granted,
                        source: source,
                        at: now
                    )
                }
            }
    }

    /// What was said, and what opt-outs in force have withdrawn of it or said in its place.
    static func standing(_ said: [Consent], _ optOuts: [StoredSuppression]) -> [Consent] {
        var standing = said
        for category in MessageCategory.allCases {
            for channel in MessageChannel.allCases {
                let ends = optOuts.filter {
                    $0.channel == channel && SuppressionRules.blocks($0.reason, of: $0.category, category)
                }
                guard let end = ends.max(by: { $0.createdAt < $1.createdAt }) else { continue }
                let withdrawn = Consent(
                    category: category,
                    channel: channel,
                    granted: false,
                    source: end.source,
                    at: end.createdAt
                )
                let place = standing.firstIndex { $0.category == category && $0.channel == channel }
                guard let place else {
                    standing.append(withdrawn)
                    continue
                }
                if standing[place].granted { standing[place] = withdrawn }
            }
        }
        return standing
    }

    /// The channels on which messages of a category were declined; of marketing alone, as all else reaches people somehow.
    static func declined(_ said: [Consent], _ category: MessageCategory) -> Set<MessageChannel> {
        guard category == .marketing else { return [] }
        return Set(said.filter { $0.category == category && !$0.granted }.map(\.channel))
    }

    /// When quiet hours are over that it is now; `nil` outside them.
    static func quietUntil(_ quiet: QuietTime, in zone: TimeZoneName, at now: Instant) -> Instant? {
        guard let zone = Self.zone(zone) else { return nil }
        let second = now.microseconds.flooredDivision(by: 1_000_000)
        let offset = Self.offset(of: zone, at: second)
        let local = second + offset
        let midnight = local.flooredDivision(by: secondsOfDay) * secondsOfDay
        let (from, to) = (Int64(quiet.from.minutes * 60), Int64(quiet.to.minutes * 60))
        let time = local - midnight
        let isQuiet = from < to ? (from..<to).contains(time) : time >= from || time < to
        guard isQuiet else { return nil }
        let end = midnight + to + (time < to ? 0 : secondsOfDay)
        // By the offset that holds then: clocks may be put forward or back in the night.
        let moment = end - Self.offset(of: zone, at: end - offset)
        // An end that clocks are put forward over comes when they would have shown it.
        return Instant(seconds: moment + Self.offset(of: zone, at: moment) == end ? moment : end - offset)
    }

    private static func offset(of zone: TimeZone, at second: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
    }

    /// When a day begins; by UTC where no zone is known.
    static func start(of day: CalendarDate, in name: TimeZoneName?) -> Instant {
        let local = Int64(day.daysSince1970) * secondsOfDay
        guard let zone = name.flatMap(Self.zone) else { return Instant(seconds: local) }
        func offset(_ second: Int64) -> Int64 { Self.offset(of: zone, at: second) }
        // By the offset that holds then: clocks may have been put forward or back meanwhile.
        return Instant(seconds: local - offset(local - offset(local)))
    }

    /// What clocks show at a moment, to the minute, and of which zone: UTC's where none is known.
    static func clock(at moment: Instant, in name: TimeZoneName?) -> (date: CalendarDate, time: String, zone: String) {
        let zone = name.flatMap(Self.zone)
        let local = moment.seconds + (zone.map { offset(of: $0, at: moment.seconds) } ?? 0)
        let day = local.flooredDivision(by: secondsOfDay)
        let minutes = Int(local - day * secondsOfDay) / 60
        return (
            CalendarDate(daysSince1970: Int(day)), "\(padded(minutes / 60, 2)):\(padded(minutes % 60, 2))",
            zone == nil ? "UTC" : name?.name ?? "UTC"
        )
    }

    private static let secondsOfDay: Int64 = 86_400

    private static func zone(_ name: TimeZoneName) -> TimeZone? {
        name.name == "UTC" ? TimeZone(secondsFromGMT: 0) : TimeZone(identifier: name.name)
    }
}

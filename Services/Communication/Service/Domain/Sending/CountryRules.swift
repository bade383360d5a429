import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
// FoundationEssentials alone knows no named zone.
import FoundationInternationalization

/// What countries ask of texts by SMS, by what a clinic has registered there.
struct CountryRules: Sendable, Equatable {
    /// A rule that a message breaks.
    struct Breach: Sendable, Equatable {
        /// The rule's name, as the refusal's code has it.
        let rule: String
        let pointer: String
        let detail: String
    }

    /// The setting that holds the registrations.
    static let key = "countryRules"
    /// Local hours in which people may be called for business in the United States: from the first, until the last.
    static let callingHours = 8..<21

    /// The rule that a text to India is one of those registered there, as refusals have it.
    static let dltRule = "in_dlt_template"

    private static let indian = "+91"

    private let registrations: CountryRegistrations

    init(_ registrations: CountryRegistrations) { self.registrations = registrations }

    /// The rules by a clinic's settings.
    init(settings: [String: JSONValue]) {
        let stored = settings[Self.key].flatMap {
            try? JSONTape(JSONWriter.encode($0)).decode(CountryRegistrations.self)
        }
        registrations = stored ?? CountryRegistrations()
    }

    /// As the configuration keeps them; `nil` where it cannot be written.
    var stored: JSONValue? { try? JSONTape(JSONWriter.encode(registrations)).decode(JSONValue.self) }

    /// As they are shown; `nil` without any.
    var shown: CountryRegistrations? { registrations == CountryRegistrations() ? nil : registrations }

    /// The channels that a message may take, SMS only where it breaks no rule.
    ///
    /// Throws the rule's name where SMS was asked for, or is all there is.
    func permitted(
        _ channels: [MessageChannel],
        to phone: PhoneNumber?,
        saying words: RenderedContent?,
        _ category: MessageCategory,
        isAskedFor: Bool,
        at moment: Instant
    ) throws(Problem) -> [MessageChannel] {
        guard channels.contains(.sms), let phone, let words,
            let breach = breach(by: words.text, as: words.dltTemplate, to: phone, category, at: moment)
        else { return channels }
        let others = channels.filter { $0 != .sms }
        guard isAskedFor || others.isEmpty else { return others }
        var problem = Problem.invalid(breach.pointer, breach.detail)
        problem.code = breach.rule
        throw problem
    }

    /// The rule that a text by SMS breaks, if any.
    ///
    /// - Parameters:
    ///   - template: which of the texts registered for India it is said to be.
    ///   - moment: when it is to be sent.
    func breach(
        by text: String,
        as template: String? = nil,
        to phone: PhoneNumber,
        _ category: MessageCategory,
        at moment: Instant
    ) -> Breach? {
        if phone.number.hasPrefix(Self.indian) { return indian(text, as: template, to: phone) }
        if let zones = USAreas.zones(of: phone) { return american(zones, category, at: moment) }
        return nil
    }

    /// When nobody is to be called for business by SMS; none where no rule says so.
    func callingPeriods(for phone: PhoneNumber?, _ category: MessageCategory) -> [QuietPeriods.Period] {
        guard category == .marketing, registrations.unitedStates?.registered == true, let night = Self.night,
            let zones = phone.flatMap({ USAreas.zones(of: $0) })
        else { return [] }
        return zones.compactMap { TimeZoneName($0) }.map {
            .init(time: night, zone: $0, channel: MessageChannel.sms.rawValue)
        }
    }

    /// The hours between the calling hours.
    private static let night: QuietTime? = {
        guard let from = TimeOfDay(minutes: callingHours.upperBound * 60),
            let to = TimeOfDay(minutes: callingHours.lowerBound * 60)
        else { return nil }
        return QuietTime(from: from, to: to)
    }()

    /// As what a text to a number in India is registered; `nil` for what is not.
    ///
    /// - Parameter name: the id of the text that it has to be; `nil` for any.
    func identity(of text: String, as name: String? = nil, to phone: PhoneNumber) -> DLTIdentity? {
        phone.number.hasPrefix(Self.indian) ? identity(of: text, as: name) : nil
    }

    /// How a text stands with what is registered for India; `nil` where neither it nor the clinic names anything.
    func preview(of words: RenderedContent) -> DLTPreview? {
        guard registrations.india != nil || words.dltTemplate != nil else { return nil }
        let found = identity(of: words.text, as: words.dltTemplate)
        return DLTPreview(templateId: found?.templateID ?? words.dltTemplate, matches: found != nil)
    }

    func identity(of text: String, as name: String?) -> DLTIdentity? {
        guard let india = registrations.india,
            let template = india.templates.first(where: {
                (name == nil || $0.id == name) && DLTPattern($0.text).matches(text)
            })
        else { return nil }
        return DLTIdentity(entityID: india.entityId, header: india.header, templateID: template.id)
    }

    private func indian(_ text: String, as name: String?, to phone: PhoneNumber) -> Breach? {
        guard registrations.india != nil || name != nil, identity(of: text, as: name, to: phone) == nil else {
            return nil
        }
        let entity = registrations.india.map { "that entity \($0.entityId) has" } ?? "that the clinic has"
        let detail =
            name.map { "is not the text \($0) among those \(entity) registered for India (DLT)" }
            ?? "is none of the texts \(entity) registered for India (DLT)"
        return Breach(rule: Self.dltRule, pointer: "/content/text", detail: detail)
    }

    private func american(_ zones: [String], _ category: MessageCategory, at moment: Instant) -> Breach? {
        guard let registration = registrations.unitedStates else { return nil }
        guard registration.registered else {
            return Breach(
                rule: "us_10dlc",
                pointer: "/to/phone",
                detail: "is in the United States, where the clinic's campaign is not registered (10DLC)"
            )
        }
        // Care is not selling: a reminder or a code may come at any hour.
        guard category == .marketing else { return nil }
        let isAllowed = zones.allSatisfy {
            Self.hour(of: moment, in: $0).map { Self.callingHours.contains($0) } ?? true
        }
        guard !isAllowed else { return nil }
        return Breach(
            rule: "us_calling_hours",
            pointer: "/sendAt",
            detail: "is outside 8:00 to 21:00 where the recipient's area code belongs"
        )
    }

    /// The hour of the day in a time zone; `nil` for a zone that this machine does not know.
    private static func hour(of moment: Instant, in zone: String) -> Int? {
        guard let zone = TimeZone(identifier: zone) else { return nil }
        let date = Date(timeIntervalSince1970: Double(moment.seconds))
        let local = moment.seconds + Int64(zone.secondsFromGMT(for: date))
        return Int(local.flooredDivision(by: 3_600) - local.flooredDivision(by: 86_400) * 24)
    }
}

/// A registered text with places for what changes.
struct DLTPattern: Sendable {
    /// How much may stand in one place, in characters.
    static let place = 1...30

    /// What stands between the places: one more than there are places.
    private let pieces: [[Character]]

    init(_ text: String) {
        var pieces: [[Character]] = [[]]
        var rest = Substring(text)
        while let start = rest.firstRange(of: "{#"), let end = rest[start.upperBound...].firstRange(of: "#}") {
            pieces[pieces.count - 1] += Self.plain(rest[..<start.lowerBound])
            pieces.append([])
            rest = rest[end.upperBound...]
        }
        pieces[pieces.count - 1] += Self.plain(rest)
        self.pieces = pieces
    }

    /// Whether a text is the registered one with something in each place.
    func matches(_ text: String) -> Bool {
        let text = Self.plain(text)
        guard let first = pieces.first, text.starts(with: first) else { return false }
        // Where the text may have been read up to: all ways at once, as a place may hold what the next piece begins with.
        var ends = Array(repeating: false, count: text.count + 1)
        ends[first.count] = true
        for piece in pieces.dropFirst() { ends = Self.ends(of: piece, behind: ends, in: text) }
        return ends[text.count]
    }

    /// Where a piece may end that stands one place behind any of `ends`.
    private static func ends(of piece: [Character], behind ends: [Bool], in text: [Character]) -> [Bool] {
        var found = Array(repeating: false, count: ends.count)
        // How many of the ends are one place before the start: the window moves along with it, and is not counted anew.
        var reaching = 0
        for start in ends.indices.dropLast(piece.count) {
            if start >= place.lowerBound, ends[start - place.lowerBound] { reaching += 1 }
            if start > place.upperBound, ends[start - place.upperBound - 1] { reaching -= 1 }
            guard reaching > 0, piece.indices.allSatisfy({ text[start + $0] == piece[$0] }) else { continue }
            found[start + piece.count] = true
        }
        return found
    }

    /// Line ends are written in two ways and mean the same.
    private static func plain(_ text: some StringProtocol) -> [Character] { text.map { $0 == "\r\n" ? "\n" : $0 } }
}

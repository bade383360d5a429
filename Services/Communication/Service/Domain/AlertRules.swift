import CommunicationAPI
import Contracts
import Core
import Resilience

/// What is worth an alert, and what it says.
enum AlertRules {
    /// New suppressions by providers' word within an hour that are too many to be chance.
    static let spike = 20
    /// So many alerts of a kind are told a clinic within an hour, each of another thing; the rest of that hour is not told.
    static let mostAnHour = 20
    /// Of the messages that tell of alerts.
    static let category = MessageCategory.security

    /// What a circuit's news are worth; `nil` for good news.
    static func alert(for view: CircuitView) -> AlertKind? {
        switch (view.state, view.reason) {
        case (.closed, _), (.halfOpen, _): nil
        // It is well, and has asked for a little time.
        case (_, AttemptOutcome.throttled.rawValue): nil
        case (_, AttemptOutcome.credentials.rawValue): .credentialsRefused
        case (_, AttemptOutcome.quota.rawValue): .quotaUsedUp
        case (.open, _), (.latched, _): .circuitOpened
        }
    }

    /// The hour that an alert is told in at most once of the same thing.
    static func hour(of now: Instant) -> Instant {
        Instant(microseconds: now.microseconds.flooredDivision(by: 3_600_000_000) * 3_600_000_000)
    }

    /// What an alert says, and where to look: a title without a full stop, as it is a subject too, and sentences.
    ///
    /// - Parameters:
    ///   - subject: what it is about, without names or addresses: a provider and its channel, or an id.
    ///   - zone: the clinic's; without it times are UTC's.
    static func words(
        _ alert: AlertKind,
        about subject: String,
        at moment: Instant,
        in zone: TimeZoneName?
    ) -> (title: String, text: String) {
        let (title, text) =
            switch alert {
            case .credentialsRefused:
                (
                    "A provider refuses your credentials",
                    "\(subject) does not accept the clinic's account or credentials any more. Nothing gets through until that is mended."
                )
            case .circuitOpened:
                (
                    "A provider fails",
                    "\(subject) has failed too often and is left alone for a while. It is tried again by itself."
                )
            case .quotaUsedUp:
                ("A provider's quota is used up", "\(subject) takes no more messages until its quota is renewed.")
            case .senderNotAuthorised:
                (
                    "A provider does not send for you",
                    "\(subject) refuses messages because of their sender or country. They go by the next provider or channel; without one they fail."
                )
            case .suppressionSpike:
                (
                    "Many addresses were suppressed",
                    "Within an hour at least \(spike) addresses were refused for good or called messages unwanted (\(subject))."
                )
            case .deadLetters:
                ("Work has failed for good", "Some work (\(subject)) has failed for good and waits to be looked at.")
            case .templateRejected:
                (
                    "WhatsApp refuses a template",
                    "WhatsApp says of the template \(subject): nothing is sent with it until it is approved again."
                )
            case .paymentFrozen:
                (
                    "A payment is frozen",
                    "The provider reports another amount than was asked for (\(subject)). Somebody has to look at it before it goes on."
                )
            }
        let place = alert == .paymentFrozen ? "the payment" : "the health of communication"
        return (title, "\(text) That was on \(time(of: moment, in: zone)); see \(place).")
    }

    /// What the template of alerts is filled in with.
    ///
    /// - Parameter clinic: its name.
    static func data(
        _ alert: AlertKind,
        about subject: String,
        at moment: Instant,
        in zone: TimeZoneName?,
        of clinic: String
    ) -> [String: JSONValue] {
        let (title, text) = words(alert, about: subject, at: moment, in: zone)
        return ["clinicName": .string(clinic), "alert": .string(title), "details": .string(text)]
    }

    /// `21 November 2026 at 14:05 (Europe/Berlin)`.
    private static func time(of moment: Instant, in zone: TimeZoneName?) -> String {
        let clock = PreferenceRules.clock(at: moment, in: zone)
        return "\(LocalFormat("en").date(clock.date)) at \(clock.time) (\(clock.zone))"
    }

    /// The alerts that reach nobody: those without a route, and those none of whose recipients can be sent anything.
    ///
    /// - Parameter isReached: whether somebody can be sent an alert on one of the channels that they are told by.
    static func unrouted(
        _ routes: [AlertRoute],
        where isReached: (AlertKind, AlertRecipient) -> Bool
    ) -> [AlertKind] {
        let routed = routes.filter { route in route.to.contains { isReached(route.alert, $0) } }.map(\.alert)
        return AlertKind.allCases.filter { !routed.contains($0) }
    }

    /// Throws 422 naming every member that is wrong.
    static func check(_ routes: [AlertRoute]) throws(Problem) {
        var faults: [Problem.Fault] = []
        var seen: Set<AlertKind> = []
        for (index, route) in routes.enumerated() {
            if !seen.insert(route.alert).inserted {
                faults.append(.init(pointer: "/routes/\(index)/alert", "is listed before"))
            }
            var told: Set<String> = []
            for (position, recipient) in route.to.enumerated() {
                let place = "/routes/\(index)/to/\(position)"
                if recipient.email == nil, recipient.phone == nil {
                    faults.append(.init(pointer: place, "must have an e-mail address or a phone number"))
                }
                if let email = recipient.email, email.mailed == nil {
                    faults.append(.init(pointer: "\(place)/email", DomainName.complaint))
                }
                if let address = firstAddress(of: recipient), !told.insert(address.normalized).inserted {
                    let member = address.channel == .email ? "email" : "phone"
                    faults.append(.init(pointer: "\(place)/\(member)", "is listed before"))
                }
                if let channels = recipient.channels, !channels.allSatisfy(recipient.reach.has) {
                    faults.append(.init(pointer: "\(place)/channels", "has a channel without an address"))
                }
            }
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }

    /// By what it is known whether somebody is named twice: the mailbox, or the number of who is not told by e-mail.
    ///
    /// Several people with mailboxes of their own may share a telephone.
    private static func firstAddress(of recipient: AlertRecipient) -> ChannelAddress? {
        if let email = recipient.email, recipient.channels?.contains(.email) != false {
            return ChannelAddress(.email, email.address)
        }
        return recipient.phone.map { ChannelAddress($0, on: .sms) }
    }
}

extension AlertRecipient {
    /// Where they are told.
    var reach: Reach { Reach(email: email, phone: phone) }
}

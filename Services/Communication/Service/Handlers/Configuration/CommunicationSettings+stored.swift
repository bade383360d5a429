import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

extension CommunicationSettings {
    /// What holds; rates and caps as they were set.
    init(_ configuration: ProviderConfiguration, _ providers: MessageProviders) {
        var rates: [String: Double]?
        var caps: [String: Int]?
        for name in providers.names {
            if configuration.settings["rates"]?[name] != nil {
                rates = rates ?? [:]
                rates?[name] = SendingRate(of: name, in: providers, settings: configuration.settings).perSecond
            }
            if let cap = SendingRate(of: name, in: providers, settings: configuration.settings).dailyCap {
                caps = caps ?? [:]
                caps?[name] = cap
            }
        }
        self.init(
            fallbackAfter: SendingRules.fallbackTime(configuration.settings).map { Int($0.components.seconds) },
            quietHours: QuietTime(settings: configuration.settings),
            allowDefault: configuration.allowsDefault,
            rates: rates,
            dailyCaps: caps,
            countryRules: CountryRules(settings: configuration.settings).shown,
            reminders: ReminderRules.chosen(configuration.settings),
            channels: ChannelOrder(settings: configuration.settings)?.channels
        )
    }

    /// Providers that are none, and numbers out of bounds.
    func faults(at pointer: String, _ providers: MessageProviders) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if let fallbackAfter, !Self.fallbackTimes.contains(fallbackAfter) {
            let (least, most) = (Self.fallbackTimes.lowerBound, Self.fallbackTimes.upperBound)
            faults.append(.init(pointer: "\(pointer)/fallbackAfter", "must be \(least) to \(most)"))
        }
        let known = "is not a provider: \(providers.names.joined(separator: ", "))"
        faults += SendingRate.faults(rates, at: "\(pointer)/rates", providers)
        for (name, cap) in (dailyCaps ?? [:]).sorted(by: { $0.key < $1.key }) {
            let (place, allowed) = ("\(pointer)/dailyCaps/\(name)", SendingRate.allowedCaps)
            if !providers.names.contains(name) { faults.append(.init(pointer: place, known)) }
            if !allowed.contains(cap) {
                faults.append(.init(pointer: place, "must be \(allowed.lowerBound) to \(allowed.upperBound)"))
            }
        }
        if let reminders, Set(reminders).count != reminders.count {
            faults.append(.init(pointer: "\(pointer)/reminders", "has one twice"))
        }
        if let channels, Set(channels).count != channels.count {
            faults.append(.init(pointer: "\(pointer)/channels", "has a channel twice"))
        }
        if let quietHours, quietHours.from == quietHours.to {
            faults.append(.init(pointer: "\(pointer)/quietHours", "begin when they end"))
        }
        return faults
    }

    /// As the configuration keeps them.
    var stored: [String: JSONValue] {
        var members = SendingRate.settings(rates)
        if let fallbackAfter { members[SendingRules.fallbackKey] = .integer(Int64(fallbackAfter)) }
        if let quietHours { members[QuietTime.settingsKey] = quietHours.stored }
        if let allowDefault { members[ProviderConfiguration.allowDefaultKey] = .bool(allowDefault) }
        if let dailyCaps { members["dailyCaps"] = .object(dailyCaps.mapValues { .integer(Int64($0)) }) }
        if let reminders {
            members[ReminderRules.settingsKey] = .array(reminders.map { .string($0.rawValue) })
        }
        if let channels { members[ChannelOrder.settingsKey] = ChannelOrder(channels).stored }
        if let rules = countryRules.flatMap({ CountryRules($0).stored }) { members[CountryRules.key] = rules }
        return members
    }
}

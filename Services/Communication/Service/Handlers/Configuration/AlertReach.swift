import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// Whom alerts would reach if there were any now.
struct AlertReach: Sendable {
    /// Who is told of alerts is sealed.
    let dataKeys: DataKeyStore
    let templates: CompiledTemplateCache
    let providers: MessageProviders
    let index: AddressIndex

    /// The alerts that nobody would be told of: those without a route, and those none of whose recipients can be sent anything.
    ///
    /// Somebody is told on a channel that has a provider and a text of the alert, at an address that takes alerts. By WhatsApp
    /// only with what it has approved: nobody can count on having written to the clinic within the last day; by SMS only with what
    /// the rules of the recipient's country let through.
    ///
    /// - Parameters:
    ///   - entries: the providers that the clinic's messages go through now, be they the installation's.
    ///   - settings: what the clinic has set beside them.
    func unrouted(
        through entries: [ProviderEntry],
        settings: [String: JSONValue],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [AlertKind] {
        let routes = try AlertStore.find(dataKeys: dataKeys, in: tx).routes
        guard !routes.isEmpty, let clinic = tx.tenant?.clinic else { return AlertKind.allCases }
        let template = try templates.open(BuiltInTemplates.adminAlert, in: tx)
        let said = routes.map(\.alert).reduce(into: [:]) { $0[$1] = Self.words(of: $1, template, at: now) }
        let rules = CountryRules(settings: settings)
        let all = MessageChannel.allCases.map(\.rawValue)
        let addresses = routes.flatMap(\.to).flatMap { index.pairs(of: $0.reach, on: all, clinic) }
        let suppressed = try SuppressionStore.inForce(addresses.map(\.addressIndex), at: now, in: tx)
        return AlertRules.unrouted(routes) { alert, recipient in
            guard let words = said[alert] else { return false }
            let reach = recipient.reach
            let blocking = SuppressionStore.weightiest(
                suppressed,
                index.pairs(of: reach, on: all, clinic),
                AlertRules.category
            )
            return (recipient.channels ?? MessageChannel.allCases).contains { channel in
                reach.has(channel) && blocking[channel] == nil && words.fault(on: channel) == nil
                    && (channel != .sms || Self.isPermitted(words, to: reach, by: rules, at: now))
                    && entries.contains { carries(words, to: reach, on: channel, $0) }
            }
        }
    }

    /// What an alert says; `nil` where the clinic's own text asks for what alerts do not have, so that none is sent.
    private static func words(of alert: AlertKind, _ template: OpenTemplate, at now: Instant) -> MessageWords? {
        let data = AlertRules.data(alert, about: SendMessageJob.name, at: now, in: nil, of: AlertJob.installationName)
        return try? template.fill(data, locales: [], channels: MessageChannel.allCases)
    }

    private static func isPermitted(
        _ words: MessageWords,
        to reach: Reach,
        by rules: CountryRules,
        at now: Instant
    ) -> Bool {
        guard let phone = reach.phone, let text = words[.sms] else { return true }
        return rules.breach(by: text.text, as: text.dltTemplate, to: phone, AlertRules.category, at: now) == nil
    }

    private func carries(
        _ words: MessageWords,
        to reach: Reach,
        on channel: MessageChannel,
        _ entry: ProviderEntry
    ) -> Bool {
        guard entry.channel == channel.rawValue, providers.reaches(reach, entry) else { return false }
        guard channel == .whatsapp else { return true }
        return words[.whatsapp].flatMap { providers.approved($0, by: entry) } != nil
    }
}

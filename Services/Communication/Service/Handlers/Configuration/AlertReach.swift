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
    /// only with what it has approved: nobody can count on having written to the clinic within the last day.
    ///
    /// - Parameter entries: the providers that the clinic's messages go through now, be they the installation's.
    func unrouted(
        through entries: [ProviderEntry],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [AlertKind] {
        let routes = try AlertStore.find(dataKeys: dataKeys, in: tx).routes
        guard !routes.isEmpty, let clinic = tx.tenant?.clinic, let words = try words(at: now, in: tx) else {
            return AlertKind.allCases
        }
        let all = MessageChannel.allCases.map(\.rawValue)
        let addresses = routes.flatMap(\.to).flatMap { index.pairs(of: $0.reach, on: all, clinic) }
        let suppressed = try SuppressionStore.inForce(addresses.map(\.addressIndex), at: now, in: tx)
        return AlertRules.unrouted(routes) { recipient in
            let reach = recipient.reach
            let blocking = SuppressionStore.weightiest(
                suppressed,
                index.pairs(of: reach, on: all, clinic),
                AlertRules.category
            )
            return (recipient.channels ?? MessageChannel.allCases).contains { channel in
                reach.has(channel) && blocking[channel] == nil && words.fault(on: channel) == nil
                    && entries.contains { carries(words, to: reach, on: channel, $0) }
            }
        }
    }

    /// What an alert says; `nil` where the clinic's own text asks for what alerts do not have, so that none is sent.
    private func words(at now: Instant, in tx: borrowing Transaction) throws -> MessageWords? {
        // They differ in a sentence or two, which decides nothing.
        let data = AlertRules.data(
            .deadLetters,
            about: SendMessageJob.name,
            at: now,
            in: nil,
            of: AlertJob.installationName
        )
        do {
            return try templates.open(BuiltInTemplates.adminAlert, in: tx)
                .fill(data, locales: [], channels: MessageChannel.allCases)
        } catch is Problem {
            return nil
        }
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

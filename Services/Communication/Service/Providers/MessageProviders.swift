import CommunicationAPI
import Core
import Outbound
import ProviderConfig

/// Makes providers out of configured entries: the one place that knows them all.
struct MessageProviders: Sendable {
    let http: OutboundHTTP
    let smtp: SMTPTransport
    let googleTokens = GoogleAccessTokens()
    let twilioContents = TwilioContents()

    // A further provider is a file, and a line here.
    private static let all: [any MessageProvider.Type] = [
        ZeptoMailProvider.self,
        AWSSESProvider.self,
        SMTPProvider.self,
        SendGridProvider.self,
        ResendProvider.self,
        TwilioSMSProvider.self,
        AWSSNSTextProvider.self,
        TwilioWhatsAppProvider.self,
        AWSSNSPushProvider.self,
        MetaWhatsAppProvider.self,
        FCMProvider.self,
    ]

    private struct Place: Hashable {
        let channel: String
        let provider: String
    }

    private static let byPlace: [Place: any MessageProvider.Type] = Dictionary(
        uniqueKeysWithValues: all.map { (Place(channel: $0.channel.rawValue, provider: $0.name), $0) }
    )

    /// The providers a clinic can choose, of all channels; each name once.
    static let names = all.reduce(into: [String]()) { if !$0.contains($1.name) { $0.append($1.name) } }

    /// The providers of a channel.
    static func names(of channel: MessageChannel) -> [String] {
        all.filter { $0.channel == channel }.map { $0.name }
    }

    /// `nil` for a provider this version does not have, or credentials that an older one stored otherwise.
    func provider(for entry: ProviderEntry) -> (any MessageProvider)? {
        Self.type(of: entry)?.init(entry.credentials, through: self)
    }

    /// The host and port that an entry has us connect to; what clinics' entries can have in common.
    static func endpoint(of entry: ProviderEntry) -> String? { type(of: entry)?.endpoint(entry.credentials) }

    /// Messages per second where the clinic sets no rate; `nil` for a provider this version does not have.
    static func usualRate(of provider: String, _ channel: MessageChannel?) -> Double? {
        if let channel { return byPlace[Place(channel: channel.rawValue, provider: provider)]?.usualRate }
        return all.first { $0.name == provider }?.usualRate
    }

    /// The largest mail that a provider takes, in bytes; `nil` where it names no limit.
    static func mostBytes(of provider: String) -> Int? {
        byPlace[Place(channel: MessageChannel.email.rawValue, provider: provider)]?.mostBytes
    }

    /// How long a provider knows a message again that is handed over a second time; `nil` if it would send it twice.
    static func repeatTime(of provider: String, _ channel: String) -> Duration? {
        byPlace[Place(channel: channel, provider: provider)]?.repeatTime
    }

    /// Whether an entry's provider can tell what became of a message.
    static func givesReceipts(_ entry: ProviderEntry) -> Bool {
        type(of: entry)?.givesReceipts(entry.credentials) ?? false
    }

    /// Where a provider's keys for signing mail stand; empty where nobody knows but itself.
    static func dkimSelectors(of provider: String) -> [String] {
        byPlace[Place(channel: MessageChannel.email.rawValue, provider: provider)]?.dkimSelectors ?? []
    }

    /// Whether an entry's provider has an address of ours to tell its news at.
    static func hasWebhook(_ entry: ProviderEntry) -> Bool { type(of: entry)?.hasWebhook(entry.credentials) ?? false }

    /// Whether people can write back to what an entry's messages come from.
    static func hears(_ entry: ProviderEntry) -> Bool { type(of: entry)?.hears(entry.credentials) ?? false }

    /// Whether an entry's provider can reach somebody on its channel: not each takes an id in place of a number.
    static func reaches(_ reach: Reach, _ entry: ProviderEntry) -> Bool {
        guard entry.channel == MessageChannel.whatsapp.rawValue, reach.phone == nil else { return true }
        return type(of: entry)?.takesUserIDs ?? false
    }

    /// Whether an entry's provider tells what messages cost.
    static func tellsCosts(_ entry: ProviderEntry) -> Bool { type(of: entry) is any CostTeller.Type }

    /// What is wrong with credentials beyond their shape: where they would have us connect to.
    static func fault(_ entry: ProviderEntry, policy: OutboundPolicy) -> (key: String, detail: String)? {
        guard let type = type(of: entry) else {
            let known = MessageChannel(rawValue: entry.channel).map { names(of: $0) } ?? []
            return ("provider", "must be one of \(known.joined(separator: ", "))")
        }
        return type.fault(entry.credentials, policy: policy)
    }

    private static func type(of entry: ProviderEntry) -> (any MessageProvider.Type)? {
        byPlace[Place(channel: entry.channel, provider: entry.provider)]
    }
}

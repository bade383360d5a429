import CommunicationAPI
import Core
import Outbound
import ProviderConfig

/// The providers that messages can go through: whatever is to be known of one is asked of its type, and listed nowhere else.
final class MessageProviders: Sendable {
    // A further provider is a file, and a line here.
    static let builtIn = MessageProviders([
        ZeptoMailProvider.self,
        AWSSESProvider.self,
        SMTPProvider.self,
        SendGridProvider.self,
        ResendProvider.self,
        TwilioSMSProvider.self,
        AWSSNSTextProvider.self,
        MetaWhatsAppProvider.self,
        TwilioWhatsAppProvider.self,
        FCMProvider.self,
        AWSSNSPushProvider.self,
    ])

    private struct Place: Hashable {
        let channel: String
        let provider: String
    }

    let types: [any MessageProvider.Type]
    /// The providers a clinic can choose, of all channels; each name once.
    let names: [String]
    /// The credentials that each takes.
    let shapes: CredentialShapes
    /// How names of headers begin, in lower case, that one of them takes for orders.
    let claimedHeaders: [String]
    private let byPlace: [Place: any MessageProvider.Type]

    /// - Parameter types: no two with the same channel and name; those of one name share their webhooks and files.
    init(_ types: [any MessageProvider.Type]) {
        self.types = types
        names = types.reduce(into: []) { if !$0.contains($1.name) { $0.append($1.name) } }
        shapes = CredentialShapes(types.map { ($0.channel.rawValue, $0.shape) })
        claimedHeaders = types.flatMap { $0.claimedHeaders }
        byPlace = Dictionary(
            uniqueKeysWithValues: types.map { (Place(channel: $0.channel.rawValue, provider: $0.name), $0) }
        )
    }

    /// `nil` for a provider this version does not have, or credentials that an older one stored otherwise.
    func provider(for entry: ProviderEntry, through transports: ProviderTransports) -> (any MessageProvider)? {
        type(of: entry)?.init(entry.credentials, through: transports)
    }

    /// Who reads the webhooks, by the provider's name.
    func readers(through transports: ProviderTransports) -> [String: any WebhookReader] {
        byName { $0.webhookReader(through: transports) }
    }

    /// Who hands out the files that came with messages, by the provider's name.
    func keepers(through transports: ProviderTransports) -> [String: any MediaKeeper] {
        byName { $0.mediaKeeper(through: transports) }
    }

    private func byName<Part>(_ part: (any MessageProvider.Type) -> Part?) -> [String: Part] {
        Dictionary(types.compactMap { type in part(type).map { (type.name, $0) } }) { first, _ in first }
    }

    /// The host and port that an entry has us connect to; what clinics' entries can have in common.
    func endpoint(of entry: ProviderEntry) -> String? { type(of: entry)?.endpoint(entry.credentials) }

    /// Messages per second where the clinic sets no rate; `nil` for a provider this version does not have.
    func usualRate(of provider: String, _ channel: MessageChannel?) -> Double? {
        if let channel { return byPlace[Place(channel: channel.rawValue, provider: provider)]?.usualRate }
        return types.first { $0.name == provider }?.usualRate
    }

    /// The largest mail that a provider takes, in bytes; `nil` where it names no limit.
    func mostBytes(of provider: String) -> Int? {
        byPlace[Place(channel: MessageChannel.email.rawValue, provider: provider)]?.mostBytes
    }

    /// How long a provider knows a message again that is handed over a second time; `nil` if it would send it twice.
    func repeatTime(of provider: String, _ channel: String) -> Duration? {
        byPlace[Place(channel: channel, provider: provider)]?.repeatTime
    }

    /// Whether a refusal of what a message says is about the provider's account, by the code that it came with.
    func isOfAccount(_ code: String?, of provider: String, _ channel: String) -> Bool {
        guard let code else { return false }
        return byPlace[Place(channel: channel, provider: provider)]?.accountRefusals.contains(code) ?? false
    }

    /// Whether an entry's provider can tell what became of a message.
    func givesReceipts(_ entry: ProviderEntry) -> Bool { type(of: entry)?.givesReceipts(entry.credentials) ?? false }

    /// Where a provider's keys for signing mail stand; empty where nobody knows but itself.
    func dkimSelectors(of provider: String) -> [String] {
        byPlace[Place(channel: MessageChannel.email.rawValue, provider: provider)]?.dkimSelectors ?? []
    }

    /// Where a provider has e-mails come back to that do not arrive; `nil` where that is the sender's own domain.
    func returnPath(of provider: String) -> ReturnPath? {
        byPlace[Place(channel: MessageChannel.email.rawValue, provider: provider)]?.returnPath
    }

    /// Whether an entry's provider has an address of ours to tell its news at.
    func hasWebhook(_ entry: ProviderEntry) -> Bool { type(of: entry)?.hasWebhook(entry.credentials) ?? false }

    /// What an entry's provider is told with that address and asks with, in clear; `nil` where it asks nothing.
    func handshakeToken(_ entry: ProviderEntry) -> String? {
        type(of: entry)?.handshakeKey.flatMap { entry.credentials.text($0) }
    }

    /// Whether people can write back to what an entry's messages come from.
    func hears(_ entry: ProviderEntry) -> Bool { type(of: entry)?.hears(entry.credentials) ?? false }

    /// Whether an entry's messages come back by e-mail when they do not arrive.
    func bouncesByMail(_ entry: ProviderEntry) -> Bool { type(of: entry)?.bouncesByMail ?? false }

    /// Whether an entry's provider can reach somebody on its channel: not each takes an id in place of a number.
    func reaches(_ reach: Reach, _ entry: ProviderEntry) -> Bool {
        guard entry.channel == MessageChannel.whatsapp.rawValue, reach.phone == nil else { return true }
        return type(of: entry)?.takesUserIDs ?? false
    }

    /// What WhatsApp has approved to be said instead of a text, by the name under which an entry's provider knows it.
    func approved(_ words: RenderedContent, by entry: ProviderEntry) -> ApprovedTemplate? {
        type(of: entry)?.approved(words)
    }

    /// Whether an entry's provider tells what messages cost.
    func tellsCosts(_ entry: ProviderEntry) -> Bool { type(of: entry) is any CostTeller.Type }

    /// All that is wrong with an entry beyond the shape of its credentials, where they would have us connect to included.
    func faults(_ entry: ProviderEntry, policy: OutboundPolicy) -> [CredentialFault] {
        guard let type = type(of: entry) else {
            let known = shapes.providers(of: entry.channel).joined(separator: ", ")
            return [CredentialFault(nil, "must be one of \(known)")]
        }
        var faults = type.faults(entry.credentials, policy: policy)
        // Each provider of e-mail is handed it in the same form.
        if let from = entry.credentials.text("fromEmail"), EmailAddress(from)?.mailed == nil {
            faults.append(CredentialFault("fromEmail", DomainName.complaint))
        }
        return faults.map { fault in
            var fault = fault
            if fault.key.map(Self.keysOfPolicy.contains) == true { fault.code = "endpoint_not_allowed" }
            return fault
        }
    }

    /// The same, as drafts are held against it.
    func rules(_ policy: OutboundPolicy) -> ProviderConfigDraft.Rules {
        { [self] entry in faults(entry, policy: policy) }
    }

    /// Credentials that the operator's outbound policy has a say in.
    private static let keysOfPolicy: Set<String> = ["endpoint", "host", "security"]

    private func type(of entry: ProviderEntry) -> (any MessageProvider.Type)? {
        byPlace[Place(channel: entry.channel, provider: entry.provider)]
    }
}

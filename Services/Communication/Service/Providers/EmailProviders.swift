import Core
import Outbound
import ProviderConfig

/// Makes providers out of configured entries: the one place that knows them all.
struct EmailProviders: Sendable {
    let http: OutboundHTTP
    let smtp: SMTPTransport

    // A further provider is a file, and a line here.
    private static let all: [any EmailProvider.Type] = [
        ZeptoMailProvider.self,
        AWSSESProvider.self,
        SMTPProvider.self,
        SendGridProvider.self,
        ResendProvider.self,
    ]

    private static let byName: [String: any EmailProvider.Type] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.name, $0) }
    )

    /// The providers a clinic can choose.
    static let names = all.map { $0.name }

    /// `nil` for a provider this version does not have, or credentials that an older one stored otherwise.
    func provider(for entry: ProviderEntry) -> (any EmailProvider)? {
        Self.byName[entry.provider]?.init(entry.credentials, through: self)
    }

    /// The host and port that an entry has us connect to; what clinics' entries can have in common.
    static func endpoint(of entry: ProviderEntry) -> String? {
        byName[entry.provider]?.endpoint(entry.credentials)
    }

    /// Messages per second where the clinic sets no rate; `nil` for a provider this version does not have.
    static func usualRate(of provider: String) -> Double? { byName[provider]?.usualRate }

    /// How long a provider knows a message again that is handed over a second time; `nil` if it would send it twice.
    static func repeatTime(of provider: String) -> Duration? { byName[provider]?.repeatTime }

    /// What is wrong with credentials beyond their shape: where they would have us connect to.
    static func fault(_ entry: ProviderEntry, policy: OutboundPolicy) -> (key: String, detail: String)? {
        guard let type = byName[entry.provider] else {
            return ("provider", "must be one of \(names.joined(separator: ", "))")
        }
        return type.fault(entry.credentials, policy: policy)
    }
}

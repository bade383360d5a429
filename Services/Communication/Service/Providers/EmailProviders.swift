import Core
import Outbound
import ProviderConfig

/// Makes providers out of configured entries: the one place that knows them all.
struct EmailProviders: Sendable {
    let http: OutboundHTTP
    let smtp: SMTPTransport

    /// `nil` for a provider this version does not have, or credentials that an older one stored otherwise.
    func provider(for entry: ProviderEntry) -> (any EmailProvider)? {
        switch entry.provider {
        case ZeptoMailProvider.name: ZeptoMailProvider(entry.credentials, http: http)
        case SMTPProvider.name: SMTPProvider(entry.credentials, transport: smtp)
        default: nil
        }
    }

    /// The providers a clinic can choose.
    static let names = [ZeptoMailProvider.name, SMTPProvider.name]

    /// The host and port that an entry has us connect to; what clinics' entries can have in common.
    static func endpoint(of entry: ProviderEntry) -> String? {
        switch entry.provider {
        case ZeptoMailProvider.name: ZeptoMailProvider.endpoint(entry.credentials)
        case SMTPProvider.name: SMTPProvider.endpoint(entry.credentials)
        default: nil
        }
    }

    /// What is wrong with credentials beyond their shape: where they would have us connect to.
    static func fault(_ entry: ProviderEntry, policy: OutboundPolicy) -> (key: String, detail: String)? {
        switch entry.provider {
        case ZeptoMailProvider.name: ZeptoMailProvider.fault(entry.credentials, policy: policy)
        case SMTPProvider.name: SMTPProvider.fault(entry.credentials, policy: policy)
        default: ("provider", "must be one of \(names.joined(separator: ", "))")
        }
    }
}

import Core
import ProviderConfig

/// Where providers can tell us what became of messages.
struct WebhookAddresses: Sendable {
    /// `POLYCLINIC_PUBLIC_URL`, without a slash at its end; empty where the installation has no public address.
    private let base: String
    private let providers: MessageProviders

    init(publicURL: String, providers: MessageProviders) {
        base = publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL
        self.providers = providers
    }

    /// The address for an entry of a clinic, or of the installation; `nil` where providers cannot reach us.
    func url(of entry: ProviderEntry, _ clinic: ClinicID) -> String? {
        guard providers.hasWebhook(entry) else { return nil }
        return url(of: entry.provider, entry.isDefault ? .installation : clinic)
    }

    /// The address for a provider of a clinic, or of the installation, that is about one message; `nil` where there is none.
    func url(of provider: String, _ owner: ClinicID, message: MessageID? = nil) -> String? {
        guard !base.isEmpty else { return nil }
        let place = owner == .installation ? "installation" : owner.description
        return "\(base)/api/v1/webhooks/communication/\(provider)/\(place)" + (message.map { "?message=\($0)" } ?? "")
    }
}

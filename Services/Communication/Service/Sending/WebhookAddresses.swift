import Core
import ProviderConfig

/// Where providers can tell us what became of messages.
struct WebhookAddresses: Sendable {
    /// Providers that tell nothing by themselves.
    static let silent: Set<String> = ["smtp", "fcm"]

    /// `POLYCLINIC_PUBLIC_URL`, without a slash at its end; empty where the installation has no public address.
    private let base: String

    init(publicURL: String) { base = publicURL.hasSuffix("/") ? String(publicURL.dropLast()) : publicURL }

    /// The address for an entry of a clinic, or of the installation; `nil` where providers cannot reach us.
    func url(of entry: ProviderEntry, _ clinic: ClinicID) -> String? {
        guard !base.isEmpty, !Self.silent.contains(entry.provider) else { return nil }
        let owner = entry.isDefault || clinic == .installation ? "installation" : clinic.description
        return "\(base)/api/v1/webhooks/communication/\(entry.provider)/\(owner)"
    }
}

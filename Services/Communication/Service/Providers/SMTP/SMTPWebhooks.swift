import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import Vault

/// E-mails as a mail server brings them that the clinic has told to: one as it stands for each call.
struct SMTPWebhooks: WebhookReader {
    /// What they are signed with, among the credentials.
    static let key = "verifyToken"

    var longestBody: Int { DeliveryEndpoints.longestMail }

    func read(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) async throws -> WebhookContent? {
        guard Self.isAuthorised(call, secrets: entry.webhookSecrets(Self.key, at: now)) else { return nil }
        guard !call.body.isEmpty else { throw Problem.malformed("There is no e-mail.") }
        return WebhookContent(mails: { [InboundMail(call.body)] })
    }

    func mayBeSigned(_ call: WebhookCall, for entry: ProviderEntry, at now: Instant) -> Bool {
        Self.isAuthorised(call, secrets: entry.webhookSecrets(Self.key, at: now))
    }

    /// Whether the caller shows one of the secrets, as a bearer token or as anybody's password.
    static func isAuthorised(_ call: WebhookCall, secrets: [Secret]) -> Bool {
        let parts = (call.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return false }
        var shown: ArraySlice<UInt8>
        switch parts[0].lowercased() {
        case "bearer": shown = Array(parts[1].utf8)[...]
        case "basic":
            guard let pair = Base64.decode(String(parts[1])), let colon = pair.firstIndex(of: UInt8(ascii: ":")) else {
                return false
            }
            shown = pair[(colon + 1)...]
        default: return false
        }
        var isKnown = false
        for secret in secrets where constantTimeEqual(Array(secret.unredacted.utf8), shown) { isKnown = true }
        return isKnown
    }
}

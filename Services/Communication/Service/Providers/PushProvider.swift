import CommunicationAPI
import Core

/// A notification to one installed app, as a provider is asked to send it.
struct PushToSend: Sendable {
    /// Ours; where a provider takes a reference, it is this.
    let id: MessageID
    /// What names the installed app to the provider: a registration token, or an endpoint's ARN.
    let token: Secret
    let title: String?
    let text: String
    /// Not to be shown after it.
    let expiresAt: Instant?
    /// It may wake the device.
    let isUrgent: Bool
    /// The app has registered its token since a provider last took a notification for it: it is there, whatever is known of it.
    var isFresh = false
}

/// A way to send notifications to installed apps.
protocol PushProvider: MessageProvider {
    /// Hands one notification over.
    func send(_ push: PushToSend, deadline: Deadline) async -> ProviderVerdict
}

extension PushProvider {
    static var channel: MessageChannel { .push }

    func send(_ message: OutgoingMessage, deadline: Deadline) async -> ProviderVerdict {
        guard case .push(let push) = message else { return .otherChannel }
        return await send(push, deadline: deadline)
    }
}

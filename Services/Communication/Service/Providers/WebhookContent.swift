import CommunicationAPI
import Core

/// What a webhook tells of the account that signed it.
struct WebhookContent: Sendable {
    /// What became of messages.
    var reports: [DeliveryReport] = []
    /// What somebody wrote.
    var texts: [InboundText] = []
    /// What the clinic's people should know.
    var alerts: [ProviderAlert] = []
    /// Who goes by another number or id from now on.
    var changes: [WhatsAppIdentityChange] = []
    /// What people have told the provider itself of a category of messages.
    var optOuts: [CategoryOptOut] = []
    /// Gets the e-mails that it brings: they are large, or still with the provider.
    ///
    /// Throws 400 where there is none in it, 503 while the provider that has them does not hand them out.
    var mails: @Sendable () async throws -> [InboundMail] = { [] }
}

/// Something that a provider tells of an account and somebody should know of.
struct ProviderAlert: Sendable, Equatable {
    var kind: AlertKind
    /// What it is about, without names or addresses.
    var subject: String
}

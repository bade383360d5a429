package import Contracts
import Core

/// Every public operation of the communication service.
package struct CommunicationEndpoints: Sendable {
    package let configuration = ConfigurationEndpoints()
    package let installation = DefaultProviderEndpoints()
    package let health = ProviderHealthEndpoints()
    package let messages = MessageEndpoints()
    package let attachments = AttachmentEndpoints()
    package let media = MediaEndpoints()
    package let conversations = ConversationEndpoints()
    package let templates = TemplateEndpoints()
    package let deliveries = DeliveryEndpoints()
    package let suppressions = SuppressionEndpoints()
    package let preferences = ContactPreferenceEndpoints()
    package let devices = ContactDeviceEndpoints()
    package let unsubscribing = UnsubscribeEndpoints()
    package let analytics = AnalyticsEndpoints()
    package let alerts = AlertEndpoints()

    package init() {}

    package var all: [any EndpointDescription] {
        configuration.all + installation.all + health.all + messages.all + attachments.all + media.all
            + conversations.all + templates.all + deliveries.all + suppressions.all + preferences.all
            + devices.all + unsubscribing.all + analytics.all + alerts.all
    }
}

/// Which providers a clinic's messages go through.
package struct ConfigurationEndpoints: Sendable {
    package let put = Endpoint(
        "communication.config.put",
        .PUT,
        "/clinics/{clinicId}/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateConfiguration),
        takes: ConfigurationDraft.self,
        gives: CommunicationConfiguration.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the providers of all channels"
    )
    package let putChannel = Endpoint(
        "communication.config.put_channel",
        .PUT,
        "/clinics/{clinicId}/communication/config/{channel}",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateConfiguration),
        takes: ChannelConfigurationDraft.self,
        gives: CommunicationConfiguration.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the providers of one channel"
    )
    package let read = Endpoint(
        "communication.config.read",
        .GET,
        "/clinics/{clinicId}/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConfiguration),
        takes: ConfigurationPath.self,
        gives: CommunicationConfiguration.self,
        audit: .none(because: "holds no health data; secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The providers, with their secrets masked"
    )
    package let effective = Endpoint(
        "communication.config.effective",
        .GET,
        "/clinics/{clinicId}/communication/config/effective",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConfiguration),
        takes: ConfigurationPath.self,
        gives: EffectiveConfiguration.self,
        audit: .none(because: "holds no health data and no secrets"),
        summary: "Whose providers each channel uses: the clinic's, the installation's default, or none"
    )
    package let delete = Endpoint(
        "communication.config.delete",
        .DELETE,
        "/clinics/{clinicId}/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteConfiguration),
        takes: ConfigurationPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(404, "not_configured")],
        summary: "Put no provider in force any more; webhooks of those that were are taken for another day"
    )
    package let versions = Endpoint(
        "communication.config.versions",
        .GET,
        "/clinics/{clinicId}/communication/config/versions",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConfiguration),
        takes: ConfigurationVersionsRequest.self,
        gives: Page<ConfigurationVersion>.self,
        audit: .none(because: "holds no health data and no secrets"),
        summary: "Which versions there have been, newest first"
    )
    package let restore = Endpoint(
        "communication.config.restore",
        .POST,
        "/clinics/{clinicId}/communication/config/versions/{version}/restore",
        service: .communication,
        guard: .permission(CommunicationPermissions.createConfiguration),
        takes: ConfigurationVersionPath.self,
        gives: CommunicationConfiguration.self,
        furtherStatuses: [201],
        audit: .change,
        body: BodyKind.none,
        precondition: .honoured,
        errors: [ErrorCode(409, "nothing_to_restore"), ErrorCode(422, "endpoint_not_allowed")],
        summary:
            "Put an earlier version's providers in force again, as the next version; 201 where there are none now"
    )
    package let dropFormerSecrets = Endpoint(
        "communication.config.drop_former_secrets",
        .DELETE,
        "/clinics/{clinicId}/communication/config/former-secrets",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteConfiguration),
        takes: ConfigurationPath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(404, "not_configured")],
        summary: "Let webhooks be signed with no replaced secret any more, nor with one of a removed provider"
    )
    package let test = Endpoint(
        "communication.config.test",
        .POST,
        "/clinics/{clinicId}/communication/config/test",
        service: .communication,
        guard: .permission(CommunicationPermissions.createConfiguration),
        takes: ConfigurationTest.self,
        gives: ConfigurationTestResults.self,
        audit: .change,
        errors: [
            ErrorCode(404, "not_configured"), ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed"),
        ],
        deadline: .seconds(30),
        summary: "Try the providers in force, or others without storing them"
    )

    package init() {}

    package var all: [any EndpointDescription] {
        [put, putChannel, read, effective, delete, versions, restore, dropFormerSecrets, test]
    }
}

/// The installation's own providers, for clinics that have none.
package struct DefaultProviderEndpoints: Sendable {
    package let put = Endpoint(
        "communication.installation_config.put",
        .PUT,
        "/installation/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateInstallation),
        tenancy: Tenancy.none,
        takes: DefaultProvidersDraft.self,
        gives: DefaultProviders.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(422, "secret_missing"), ErrorCode(422, "endpoint_not_allowed")],
        summary: "Set the default providers, used for channels that a clinic has not configured"
    )
    package let read = Endpoint(
        "communication.installation_config.read",
        .GET,
        "/installation/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.readInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: DefaultProviders.self,
        audit: .none(because: "holds no health data; secrets are masked"),
        errors: [ErrorCode(404, "not_configured")],
        summary: "The default providers, with their secrets masked"
    )
    package let delete = Endpoint(
        "communication.installation_config.delete",
        .DELETE,
        "/installation/communication/config",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .required,
        errors: [ErrorCode(404, "not_configured")],
        summary: "Put no default provider in force any more"
    )

    package init() {}

    package var all: [any EndpointDescription] { [put, read, delete] }
}

/// How the configured providers are doing.
package struct ProviderHealthEndpoints: Sendable {
    package let read = Endpoint(
        "communication.health.read",
        .GET,
        "/clinics/{clinicId}/communication/health",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConfiguration),
        takes: ConfigurationPath.self,
        gives: ProviderHealth.self,
        audit: .none(because: "holds no health data"),
        summary: "Circuits, shares of messages, success rates, receipts and last errors of the configured providers"
    )
    package let reset = Endpoint(
        "communication.health.reset",
        .POST,
        "/clinics/{clinicId}/communication/health/{entryId}/reset",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateConfiguration),
        takes: ProviderEntryPath.self,
        gives: EntryHealth.self,
        audit: .change,
        body: BodyKind.none,
        errors: [ErrorCode(403, "installation_provider")],
        summary: "Close the circuit of a provider by hand"
    )
    package let readInstallation = Endpoint(
        "communication.installation_health.read",
        .GET,
        "/installation/communication/health",
        service: .communication,
        guard: .permission(CommunicationPermissions.readInstallation),
        tenancy: Tenancy.none,
        takes: EmptyInput.self,
        gives: ProviderHealth.self,
        audit: .none(because: "holds no health data"),
        summary:
            "How the default providers are doing with the installation's own messages, and alerts that no operator is told of"
    )

    package let resetInstallation = Endpoint(
        "communication.installation_health.reset",
        .POST,
        "/installation/communication/health/{entryId}/reset",
        service: .communication,
        guard: .permission(CommunicationPermissions.updateInstallation),
        tenancy: Tenancy.none,
        takes: DefaultProviderPath.self,
        gives: EntryHealth.self,
        audit: .change,
        body: BodyKind.none,
        summary: "Close the circuits of a default provider by hand, those of every clinic"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read, reset, readInstallation, resetInstallation] }
}

/// Messages to patients and staff.
package struct MessageEndpoints: Sendable {
    package let send = Endpoint(
        "communication.messages.send",
        .POST,
        "/communication/messages",
        service: .communication,
        guard: .permission(CommunicationPermissions.send),
        asksWithin: [CommunicationPermissions.sendCritical],
        takes: MessageDraft.self,
        gives: AcceptedMessage.self,
        status: 202,
        audit: .change,
        errors: [
            ErrorCode(403, "forbidden"), ErrorCode(409, "channel_not_configured"),
            ErrorCode(409, "unsubscribe_unavailable"),
            ErrorCode(413, "attachments_too_large"), ErrorCode(422, "in_dlt_template"), ErrorCode(422, "us_10dlc"),
            ErrorCode(422, "us_calling_hours"),
        ],
        summary: "Accept a message for sending"
    )
    package let sendBatch = Endpoint(
        "communication.messages.send_batch",
        .POST,
        "/communication/messages/batch",
        service: .communication,
        guard: .permission(CommunicationPermissions.send),
        asksWithin: [CommunicationPermissions.sendCritical],
        takes: MessageBatch.self,
        gives: MessageBatchResult.self,
        status: 202,
        audit: .change,
        mostBytes: MessageBatch.mostBytes,
        deadline: .seconds(30),
        summary: "Accept up to 1,000 messages, each by itself"
    )
    package let read = Endpoint(
        "communication.messages.read",
        .GET,
        "/communication/messages/{id}",
        service: .communication,
        guard: .permission(CommunicationPermissions.read),
        asksWithin: [CommunicationPermissions.readContent],
        takes: MessagePath.self,
        gives: Message.self,
        audit: .read,
        summary: "What became of a message"
    )
    package let list = Endpoint(
        "communication.messages.list",
        .GET,
        "/communication/messages",
        service: .communication,
        guard: .permission(CommunicationPermissions.read),
        asksWithin: [CommunicationPermissions.readContent],
        takes: MessageListRequest.self,
        gives: Page<Message>.self,
        audit: .read,
        summary: "Messages, newest first"
    )
    package let cancel = Endpoint(
        "communication.messages.cancel",
        .POST,
        "/communication/messages/{id}/cancel",
        service: .communication,
        guard: .permission(CommunicationPermissions.send),
        asksWithin: [CommunicationPermissions.readContent],
        takes: MessagePath.self,
        gives: Message.self,
        audit: .change,
        body: BodyKind.none,
        errors: [ErrorCode(409, "not_cancellable")],
        summary: "Stop a message that is not on its way yet"
    )

    package let retry = Endpoint(
        "communication.messages.retry",
        .POST,
        "/communication/messages/{id}/retry",
        service: .communication,
        guard: .permission(CommunicationPermissions.send),
        asksWithin: [CommunicationPermissions.sendCritical, CommunicationPermissions.readContent],
        takes: MessagePath.self,
        gives: Message.self,
        audit: .change,
        body: BodyKind.none,
        errors: [ErrorCode(409, "not_retryable")],
        summary: "Send a message again that did not arrive, or of which nobody knows"
    )

    package init() {}

    package var all: [any EndpointDescription] { [send, sendBatch, read, list, cancel, retry] }
}

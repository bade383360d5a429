import Core
import Outbound
package import Postgres
package import ServiceHost
package import Settings

/// The communication service: reaches patients and staff through their clinic's own providers.
package enum CommunicationService {
    /// Everything to be applied to the service's schema, in order: the shared modules' tables, then its own.
    package static var migrations: [MigrationSet] {
        HostMigrations.all(
            of: .communication,
            own: [
                ("0001_messages.sql", PackageResources._001_messages_sql),
                ("0002_projections.sql", PackageResources._002_projections_sql),
                ("0003_room_for_updates.sql", PackageResources._003_room_for_updates_sql),
                ("0004_default_attempts.sql", PackageResources._004_default_attempts_sql),
                ("0005_endpoint_circuits.sql", PackageResources._005_endpoint_circuits_sql),
                ("0006_rate_limit.sql", PackageResources._006_rate_limit_sql),
                ("0007_delivery_events.sql", PackageResources._007_delivery_events_sql),
                ("0008_channels.sql", PackageResources._008_channels_sql),
                ("0009_suppressions.sql", PackageResources._009_suppressions_sql),
                ("0010_contacts.sql", PackageResources._010_contacts_sql),
                ("0011_alerts.sql", PackageResources._011_alerts_sql),
                ("0012_templates.sql", PackageResources._012_templates_sql),
                ("0013_attachments.sql", PackageResources._013_attachments_sql),
                ("0014_delivery_reports.sql", PackageResources._014_delivery_reports_sql),
                ("0015_message_clinics.sql", PackageResources._015_message_clinics_sql),
                ("0016_conversations.sql", PackageResources._016_conversations_sql),
                ("0017_conversation_windows.sql", PackageResources._017_conversation_windows_sql),
                ("0018_notice_choices.sql", PackageResources._018_notice_choices_sql),
                ("0019_answers.sql", PackageResources._019_answers_sql),
                ("0020_reminders.sql", PackageResources._020_reminders_sql),
                ("0021_forgetting_notices.sql", PackageResources._021_forgetting_notices_sql),
                ("0022_inbound_files.sql", PackageResources._022_inbound_files_sql),
                ("0023_uploads.sql", PackageResources._023_uploads_sql),
                ("0024_costs.sql", PackageResources._024_costs_sql),
                ("0025_whatsapp_users.sql", PackageResources._025_whatsapp_users_sql),
                ("0026_message_statistics.sql", PackageResources._026_message_statistics_sql),
                ("0027_large_notices.sql", PackageResources._027_large_notices_sql),
                ("0028_courses.sql", PackageResources._028_courses_sql),
                ("0029_contact_devices.sql", PackageResources._029_contact_devices_sql),
                ("0030_suspended_clinics.sql", PackageResources._030_suspended_clinics_sql),
                ("0031_attempt_news.sql", PackageResources._031_attempt_news_sql),
                ("0032_latest_words.sql", PackageResources._032_latest_words_sql),
                ("0033_attempt_news_held.sql", PackageResources._033_attempt_news_held_sql),
                ("0034_installation_resets.sql", PackageResources._034_installation_resets_sql),
                ("0035_alert_subjects.sql", PackageResources._035_alert_subjects_sql),
                ("0036_account_faults.sql", PackageResources._036_account_faults_sql),
                ("0037_room_on_pages.sql", PackageResources._037_room_on_pages_sql),
                ("0038_push_tokens.sql", PackageResources._038_push_tokens_sql),
            ]
        )
    }

    /// Runs until SIGTERM or SIGINT, or until the task is cancelled.
    package static func run(settings: Settings = .load()) async throws {
        try await ServiceProcess(.communication, settings: settings) { try definition($0) }.run()
    }

    /// What the service consists of.
    ///
    /// Settings beside the host's: `POLYCLINIC_OUTBOUND_ALLOW`, and `POLYCLINIC_DEFAULT_PROVIDERS_FILE`, the providers for
    /// channels that a clinic has not configured.
    package static func definition(_ resources: HostResources) throws -> ServiceDefinition {
        let policy = try OutboundPolicy(allow: try resources.settings.string("POLYCLINIC_OUTBOUND_ALLOW"))
        return try CommunicationParts(resources, policy: policy).definition()
    }
}

package import Contracts
package import Core

/// The ways a message can take.
package enum MessageChannel: String, Hashable, Sendable, Codable, CaseIterable {
    case email, sms, whatsapp, push
}

/// Names a clinic's configuration.
package struct ConfigurationPath: Wire {
    package var clinicId: ClinicID

    package init(clinicId: ClinicID) { self.clinicId = clinicId }
}

/// Names one provider entry of a clinic's configuration.
package struct ProviderEntryPath: Wire {
    package var clinicId: ClinicID
    package var entryId: ProviderEntryID

    package init(clinicId: ClinicID, entryId: ProviderEntryID) {
        self.clinicId = clinicId
        self.entryId = entryId
    }
}

/// Names one of the installation's default providers.
package struct DefaultProviderPath: Wire {
    package var entryId: ProviderEntryID

    package init(entryId: ProviderEntryID) { self.entryId = entryId }
}

/// One provider as it is to be used.
///
/// What a read configuration shows beside it may be sent back and is ignored.
package struct ProviderDraft: Wire {
    /// An entry of the present configuration: masked secrets keep its stored values.
    package var id: ProviderEntryID?
    package var provider: String
    package var credentials: [String: JSONValue]
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?
    package var webhookUrl: String?
    package var verifyToken: String?

    package init(id: ProviderEntryID? = nil, provider: String, credentials: [String: JSONValue]) {
        self.id = id
        self.provider = provider
        self.credentials = credentials
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.id,
                "An entry of the present configuration; when absent the provider's own, else a new one. Masked secrets keep its values while they go to the same host, and protected."
            ),
            .length(CodingKeys.provider, 1...40), .example(CodingKeys.provider, "zeptomail"),
            .describe(
                CodingKeys.provider,
                "One that the channel has; a name that is none is answered with those there are."
            ),
            .count(CodingKeys.credentials, 1...30),
            .describe(
                CodingKeys.credentials,
                "By name, as the provider has them. Each provider takes an endpoint as well: the base URL that is called in place of its own, refused unless the operator's outbound policy names the host. With smtp it is smtp://host:port, or smtps://host:port where security is tls, and stands in place of host and port, in the server's certificate too; without a port 587 or 465."
            ),
            .secret(CodingKeys.credentials), .length(CodingKeys.updatedBy, 1...200),
            .length(CodingKeys.webhookUrl, 1...2_048),
            .length(CodingKeys.verifyToken, 1...WebhookHandshake.longestToken),
        ]
    }
}

/// A channel's chain as it is to be.
package struct ChannelDraft: Wire {
    package static let mostFallbacks = 4

    package var primary: ProviderDraft
    /// Tried in this order when the one before fails.
    package var fallback: [ProviderDraft]?

    package init(primary: ProviderDraft, fallback: [ProviderDraft]? = nil) {
        self.primary = primary
        self.fallback = fallback
    }

    package static var limits: [Limit] { [.count(CodingKeys.fallback, 0...mostFallbacks)] }
}

/// How long before a visit a patient is reminded of it.
package enum ReminderTime: String, Hashable, Sendable, Codable, CaseIterable {
    case dayBefore = "24h"
    case twoHoursBefore = "2h"
    case halfHourBefore = "30min"
}

/// What a clinic decides beside its providers.
package struct CommunicationSettings: Wire, Hashable {
    /// The least and the most of `fallbackAfter`, in seconds.
    package static let fallbackTimes: ClosedRange<Int> = 30...86_400

    /// Seconds after which a message without a receipt goes on to its next channel; without it only what a provider
    /// reports as undelivered does.
    package var fallbackAfter: Int?
    /// Hours of the recipient's day, else of the clinic's, at which nothing is sent that can wait.
    package var quietHours: QuietTime?
    /// Whether the installation's default providers may send for channels that have none here; they may unless it is false.
    package var allowDefault: Bool?
    /// Messages per second by provider; what is over a rate waits.
    package var rates: [String: Double]?
    /// Messages per day in UTC by provider; what is over a cap goes by the next provider or channel, and waits for the next day
    /// where there is none.
    package var dailyCaps: [String: Int]?
    /// What the clinic has registered for its texts by SMS, by country; a message that breaks a rule there is refused.
    package var countryRules: CountryRegistrations?
    /// Which reminders of visits are sent: `24h` and `2h` unless it says otherwise, none when it is empty.
    package var reminders: [ReminderTime]?
    /// The order of the channels where neither sender nor recipient names any, each at most once; what it leaves out is
    /// not used then.
    ///
    /// Absent: all that have a provider.
    package var channels: [MessageChannel]?

    package init(
        fallbackAfter: Int? = nil,
        quietHours: QuietTime? = nil,
        allowDefault: Bool? = nil,
        rates: [String: Double]? = nil,
        dailyCaps: [String: Int]? = nil,
        countryRules: CountryRegistrations? = nil,
        reminders: [ReminderTime]? = nil,
        channels: [MessageChannel]? = nil
    ) {
        self.fallbackAfter = fallbackAfter
        self.quietHours = quietHours
        self.allowDefault = allowDefault
        self.rates = rates
        self.dailyCaps = dailyCaps
        self.countryRules = countryRules
        self.reminders = reminders
        self.channels = channels
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.rates, 0...20),
            .count(CodingKeys.dailyCaps, 0...20), .count(CodingKeys.reminders, 0...ReminderTime.allCases.count),
            .describe(
                CodingKeys.fallbackAfter,
                "Seconds, 30 to 86,400, after which a message without a receipt goes on to its next channel; never when absent."
            ),
            .describe(
                CodingKeys.quietHours,
                "Hours of the recipient's day, else of the clinic's, at which nothing is sent that can wait."
            ),
            .describe(
                CodingKeys.allowDefault,
                "Whether the installation's providers may send for channels that have none here; true when absent."
            ),
            .describe(
                CodingKeys.rates,
                """
                Messages per second, by provider: {\"zeptomail\": 20}; what is over waits. Through the installation's providers \
                no more than these take of all clinics.
                """
            ),
            .describe(
                CodingKeys.dailyCaps,
                "Messages per day in UTC, by provider: {\"twilio\": 5000}; what is over goes by the next provider or channel, and waits for the next day where there is none."
            ),
            .describe(
                CodingKeys.countryRules,
                "What the clinic has registered for its texts by SMS; a message that breaks a rule there is refused."
            ),
            .describe(CodingKeys.reminders, "24h and 2h when absent; none when empty."),
            .count(CodingKeys.channels, 1...MessageChannel.allCases.count),
            .describe(
                CodingKeys.channels,
                """
                The order in which channels are tried where neither sender nor recipient names any, each at most once. What it \
                leaves out is not used then, but for what concerns somebody's account, at last. Absent: email, sms, whatsapp, \
                push, as far as they have a provider.
                """
            ),
        ]
    }
}

/// All channels and settings as they are to be; a channel that is absent has no providers of the clinic's own.
package struct ConfigurationDraft: Wire {
    package var clinicId: ClinicID
    package var email: ChannelDraft?
    package var sms: ChannelDraft?
    package var whatsapp: ChannelDraft?
    package var push: ChannelDraft?
    package var settings: CommunicationSettings?
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

    package init(
        clinicId: ClinicID,
        email: ChannelDraft? = nil,
        sms: ChannelDraft? = nil,
        whatsapp: ChannelDraft? = nil,
        push: ChannelDraft? = nil,
        settings: CommunicationSettings? = nil
    ) {
        self.clinicId = clinicId
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
        self.settings = settings
    }

    package static var limits: [Limit] { [.length(CodingKeys.updatedBy, 1...200)] }
}

/// One channel as it is to be.
package struct ChannelConfigurationDraft: Wire {
    package var clinicId: ClinicID
    package var channel: MessageChannel
    package var primary: ProviderDraft
    package var fallback: [ProviderDraft]?

    package init(
        clinicId: ClinicID,
        channel: MessageChannel,
        primary: ProviderDraft,
        fallback: [ProviderDraft]? = nil
    ) {
        self.clinicId = clinicId
        self.channel = channel
        self.primary = primary
        self.fallback = fallback
    }

    package static var limits: [Limit] { [.count(CodingKeys.fallback, 0...ChannelDraft.mostFallbacks)] }
}

/// One provider in force; secrets are masked.
package struct ConfiguredProvider: Wire {
    package var id: ProviderEntryID
    package var provider: String
    package var credentials: [String: JSONValue]
    /// The configuration's version in which this entry changed last.
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String
    /// Where the provider is to send its webhooks; absent for providers that send none.
    package var webhookUrl: String?
    /// What the provider is given with that address, so that it is known again; absent where none is asked for, and masked
    /// where whoever knows it could bring notices.
    package var verifyToken: String?

    package init(
        id: ProviderEntryID,
        provider: String,
        credentials: [String: JSONValue],
        version: Int64,
        updatedAt: Instant,
        updatedBy: String,
        webhookUrl: String? = nil,
        verifyToken: String? = nil
    ) {
        self.id = id
        self.provider = provider
        self.credentials = credentials
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
        self.webhookUrl = webhookUrl
        self.verifyToken = verifyToken
    }
}

/// A channel's chain in force.
package struct ConfiguredChannel: Wire {
    package var primary: ConfiguredProvider
    package var fallback: [ConfiguredProvider]

    package init(primary: ConfiguredProvider, fallback: [ConfiguredProvider]) {
        self.primary = primary
        self.fallback = fallback
    }
}

/// A clinic's configuration in force.
package struct CommunicationConfiguration: Wire {
    package var email: ConfiguredChannel?
    package var sms: ConfiguredChannel?
    package var whatsapp: ConfiguredChannel?
    package var push: ConfiguredChannel?
    package var settings: CommunicationSettings
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(
        email: ConfiguredChannel? = nil,
        sms: ConfiguredChannel? = nil,
        whatsapp: ConfiguredChannel? = nil,
        push: ConfiguredChannel? = nil,
        settings: CommunicationSettings,
        version: Int64,
        updatedAt: Instant,
        updatedBy: String
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
        self.settings = settings
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

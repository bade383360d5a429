package import Contracts
package import Core

/// The installation's default providers as they are to be: for channels that a clinic has not configured.
package struct DefaultProvidersDraft: Wire {
    package var email: ChannelDraft?
    package var sms: ChannelDraft?
    package var whatsapp: ChannelDraft?
    package var push: ChannelDraft?
    /// Messages per second of all clinics together, by provider; what is over a rate waits.
    package var rates: [String: Double]?
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

    package init(
        email: ChannelDraft? = nil,
        sms: ChannelDraft? = nil,
        whatsapp: ChannelDraft? = nil,
        push: ChannelDraft? = nil,
        rates: [String: Double]? = nil
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
        self.rates = rates
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.updatedBy, 1...200), .count(CodingKeys.rates, 0...20),
            .describe(
                CodingKeys.rates,
                "Messages per second of all clinics together, by provider; what is over waits. The provider's usual rate when absent."
            ),
        ]
    }
}

/// The installation's default providers in force; secrets are masked.
package struct DefaultProviders: Wire {
    package var email: ConfiguredChannel?
    package var sms: ConfiguredChannel?
    package var whatsapp: ConfiguredChannel?
    package var push: ConfiguredChannel?
    /// Messages per second of all clinics together, by provider, as they were set.
    package var rates: [String: Double]?
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(
        email: ConfiguredChannel? = nil,
        sms: ConfiguredChannel? = nil,
        whatsapp: ConfiguredChannel? = nil,
        push: ConfiguredChannel? = nil,
        rates: [String: Double]? = nil,
        version: Int64,
        updatedAt: Instant,
        updatedBy: String
    ) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
        self.rates = rates
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

/// Whose providers a channel or an attempt uses.
package enum ProviderSource: String, Hashable, Sendable, Codable, CaseIterable {
    case clinic, installation, none
}

/// Whose providers a clinic's messages go through now, by channel.
package struct EffectiveConfiguration: Wire {
    package struct Channel: Wire, Hashable {
        package var source: ProviderSource
        /// Their names, primary first.
        package var providers: [String]

        package init(source: ProviderSource, providers: [String]) {
            self.source = source
            self.providers = providers
        }
    }

    package var email: Channel
    package var sms: Channel
    package var whatsapp: Channel
    package var push: Channel

    package init(email: Channel, sms: Channel, whatsapp: Channel, push: Channel) {
        self.email = email
        self.sms = sms
        self.whatsapp = whatsapp
        self.push = push
    }
}

package import Contracts
package import Core

/// One video provider as it is to be used.
///
/// What a read configuration shows beside it may be sent back and is ignored.
package struct VideoProviderDraft: Wire {
    package static let longestProvider = 40
    /// Keys of one provider's credentials.
    package static let mostCredentials = 20

    /// An entry of the present configuration: masked secrets keep its stored values.
    package var id: ProviderEntryID?
    package var provider: String
    package var credentials: [String: JSONValue]
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

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
            .length(CodingKeys.provider, 1...longestProvider), .example(CodingKeys.provider, "openvidu"),
            .count(CodingKeys.credentials, 1...mostCredentials),
            .describe(
                CodingKeys.credentials,
                "openvidu: url with secret, or with apiKey and apiSecret. jitsi: domain, appId and appSecret, or appId, keyId and privateKey (PEM). Secrets are write-only; a server must be one that the operator's outbound policy allows."
            ),
            .secret(CodingKeys.credentials), .length(CodingKeys.updatedBy, 1...200),
        ]
    }
}

/// What a clinic decides beside its providers.
package struct VideoSettings: Wire, Hashable {
    /// Whether sessions may be held with the installation's providers while the clinic has none of its own; only where it is
    /// true.
    package var allowDefault: Bool?

    package init(allowDefault: Bool? = nil) { self.allowDefault = allowDefault }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.allowDefault,
                "Whether sessions may be held with the installation's providers while there are none here; false when absent."
            )
        ]
    }
}

/// A clinic's video providers and settings as they are to be; without a primary it has no providers of its own.
package struct VideoConfigurationDraft: Wire {
    package static let mostFallbacks = 4

    package var clinicId: ClinicID
    package var primary: VideoProviderDraft?
    /// Tried in this order when the one before fails.
    package var fallback: [VideoProviderDraft]?
    package var settings: VideoSettings?
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

    package init(
        clinicId: ClinicID,
        primary: VideoProviderDraft? = nil,
        fallback: [VideoProviderDraft]? = nil,
        settings: VideoSettings? = nil
    ) {
        self.clinicId = clinicId
        self.primary = primary
        self.fallback = fallback
        self.settings = settings
    }

    package static var limits: [Limit] {
        [.count(CodingKeys.fallback, 0...mostFallbacks), .length(CodingKeys.updatedBy, 1...200)]
    }
}

/// The installation's video providers as they are to be, for clinics that choose them.
package struct DefaultVideoProvidersDraft: Wire {
    package var primary: VideoProviderDraft
    package var fallback: [VideoProviderDraft]?
    package var version: Int64?
    package var updatedAt: Instant?
    package var updatedBy: String?

    package init(primary: VideoProviderDraft, fallback: [VideoProviderDraft]? = nil) {
        self.primary = primary
        self.fallback = fallback
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.fallback, 0...VideoConfigurationDraft.mostFallbacks),
            .length(CodingKeys.updatedBy, 1...200),
        ]
    }
}

/// Names a clinic's video configuration.
package struct VideoConfigurationPath: Wire {
    package var clinicId: ClinicID

    package init(clinicId: ClinicID) { self.clinicId = clinicId }
}

/// One video provider in force; secrets are masked.
package struct ConfiguredVideoProvider: Wire, Hashable {
    package var id: ProviderEntryID
    package var provider: String
    package var credentials: [String: JSONValue]
    /// The configuration's version in which this entry changed last.
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(
        id: ProviderEntryID,
        provider: String,
        credentials: [String: JSONValue],
        version: Int64,
        updatedAt: Instant,
        updatedBy: String
    ) {
        self.id = id
        self.provider = provider
        self.credentials = credentials
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

/// Video providers in force, a clinic's or the installation's.
package struct VideoConfiguration: Wire, Hashable {
    /// Absent where a clinic has only settings.
    package var primary: ConfiguredVideoProvider?
    package var fallback: [ConfiguredVideoProvider]
    /// Absent for the installation, which has none.
    package var settings: VideoSettings?
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(
        primary: ConfiguredVideoProvider?,
        fallback: [ConfiguredVideoProvider],
        settings: VideoSettings?,
        version: Int64,
        updatedAt: Instant,
        updatedBy: String
    ) {
        self.primary = primary
        self.fallback = fallback
        self.settings = settings
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

/// Whose video providers a clinic's sessions are held with.
package enum VideoProviderSource: String, Hashable, Sendable, Codable, CaseIterable {
    case clinic, installation, none
}

/// Whose video providers a clinic's sessions are held with now.
package struct EffectiveVideoConfiguration: Wire, Hashable {
    package var source: VideoProviderSource
    /// Their names, primary first.
    package var providers: [String]

    package init(source: VideoProviderSource, providers: [String]) {
        self.source = source
        self.providers = providers
    }
}

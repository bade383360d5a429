package import Contracts
package import Core

/// The provider a clinic is paid through, as it is set.
package struct PaymentProviderDraft: Wire {
    package static let longestProvider = 40
    /// Keys of one provider's credentials.
    package static let mostCredentials = 20

    /// The entry whose stored secrets stand behind masked ones; a new entry has none.
    package var id: ProviderEntryID?
    package var provider: String
    package var credentials: [String: JSONValue]

    package init(id: ProviderEntryID? = nil, provider: String, credentials: [String: JSONValue]) {
        self.id = id
        self.provider = provider
        self.credentials = credentials
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.provider, 1...longestProvider), .example(CodingKeys.provider, "stripe"),
            .count(CodingKeys.credentials, 1...mostCredentials),
            .describe(
                CodingKeys.credentials,
                "stripe: secretKey, publishableKey, webhookSecret, endpoint?. Secrets are write-only."
            ),
        ]
    }
}

/// What a clinic sets: whole, in place of what was.
package struct BillingConfigDraft: Wire {
    package var primary: PaymentProviderDraft

    package init(primary: PaymentProviderDraft) { self.primary = primary }
}

/// The same with the clinic in the path.
package struct ClinicBillingConfigDraft: Wire {
    package var clinicId: ClinicID
    package var primary: PaymentProviderDraft

    package init(clinicId: ClinicID, primary: PaymentProviderDraft) {
        self.clinicId = clinicId
        self.primary = primary
    }
}

/// Names a clinic.
package struct BillingClinicPath: Wire {
    package var clinicId: ClinicID

    package init(clinicId: ClinicID) { self.clinicId = clinicId }
}

/// The provider a clinic is paid through, as it is shown: secrets masked.
package struct PaymentProviderView: Wire, Hashable {
    package var id: ProviderEntryID
    package var provider: String
    package var credentials: [String: JSONValue]
    /// The configuration's version in which this entry changed last.
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String
    /// Where the provider is to send its notices; the operator's own has none, for nothing is paid through it.
    package var webhookUrl: String?

    package init(
        id: ProviderEntryID,
        provider: String,
        credentials: [String: JSONValue],
        version: Int64,
        updatedAt: Instant,
        updatedBy: String,
        webhookUrl: String?
    ) {
        self.id = id
        self.provider = provider
        self.credentials = credentials
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
        self.webhookUrl = webhookUrl
    }
}

/// A clinic's payment configuration.
package struct BillingConfig: Wire, Hashable {
    package var primary: PaymentProviderView
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(primary: PaymentProviderView, version: Int64, updatedAt: Instant, updatedBy: String) {
        self.primary = primary
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

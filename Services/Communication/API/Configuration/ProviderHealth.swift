package import Contracts
package import Core

/// How the providers of a clinic are doing.
package struct ProviderHealth: Wire {
    package var items: [EntryHealth]
    /// Alerts that nobody would be told of: without a route, or none of whose recipients can be sent anything.
    package var unroutedAlerts: [AlertKind]

    package init(items: [EntryHealth], unroutedAlerts: [AlertKind]) {
        self.items = items
        self.unroutedAlerts = unroutedAlerts
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.unroutedAlerts,
                "Alerts that nobody would be told of: without a route, or with recipients none of whom can be sent one. That takes a provider of the channel and an address that is not suppressed, and by WhatsApp an approved template in admin_alert."
            )
        ]
    }
}

/// How one configured provider is doing.
package struct EntryHealth: Wire {
    package enum State: String, Hashable, Sendable, Codable, CaseIterable {
        case closed, open
        case halfOpen = "half_open"
        case latched
    }

    package var entryId: ProviderEntryID
    package var channel: MessageChannel
    package var provider: String
    /// 0 is the primary.
    package var position: Int
    /// Whose provider it is: the clinic's, or the installation's for a channel that the clinic has not configured.
    package var source: ProviderSource
    package var state: State
    package var since: Instant?
    /// What opened the circuit, as an outcome class.
    package var reason: String?
    /// When a call is tried again.
    package var retryAt: Instant?
    /// The circuit of the provider's host, shared by all clinics; absent while it is closed.
    package var endpoint: EndpointHealth?
    /// Share of the last hour's attempts that it accepted and has not refused since for what is wrong with the account; absent
    /// without any.
    package var successRate: Double?
    /// 95 of 100 attempts of the last hour took no longer.
    package var p95Milliseconds: Int?
    /// The part of the channel's messages that it is handed first, 0 to 1, as the process that answers has it: 1 for a primary
    /// that is well, less for one that fails or whose receipts come late, 0 for whoever is not needed or left alone.
    package var share: Double
    /// Half of the receipts of the last quarter of an hour came no later after their message; absent without any.
    package var receiptP50Milliseconds: Int?
    /// What it accepted and then refused for the account's sake included: `at` is when it told so then.
    package var lastError: LastError?
    /// When a circuit was last tried by a check instead of a message.
    package var lastCheck: Instant?
    package var rate: Rate

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.successRate,
                "The share of the last hour's attempts that the provider accepted, 0 to 1. An accepted message that it reports later as not sent for what is wrong with the account (locked, over its quota, no right to the sender) does not count as accepted."
            ),
            .describe(
                CodingKeys.lastError,
                "The last attempt that the provider did not accept, or accepted and reported later as not sent for what is wrong with the account: then `at` is when it reported that."
            ),
        ]
    }

    /// How fast messages may go through it.
    package struct Rate: Wire, Hashable {
        package var perSecond: Double
        /// The most of a day in UTC; absent without a cap.
        package var dailyCap: Int?
        /// Calls since the day began; absent without a cap.
        package var today: Int?

        package init(perSecond: Double, dailyCap: Int? = nil, today: Int? = nil) {
            self.perSecond = perSecond
            self.dailyCap = dailyCap
            self.today = today
        }
    }

    package struct LastError: Wire, Hashable {
        package var at: Instant
        package var outcome: AttemptOutcome
        package var providerCode: String?

        package init(at: Instant, outcome: AttemptOutcome, providerCode: String?) {
            self.at = at
            self.outcome = outcome
            self.providerCode = providerCode
        }
    }

    /// The circuit of a host that several clinics could not reach.
    package struct EndpointHealth: Wire, Hashable {
        package var state: State
        package var since: Instant
        package var retryAt: Instant?

        package init(state: State, since: Instant, retryAt: Instant?) {
            self.state = state
            self.since = since
            self.retryAt = retryAt
        }
    }

    package init(
        entryId: ProviderEntryID,
        channel: MessageChannel,
        provider: String,
        position: Int,
        source: ProviderSource = .clinic,
        state: State = .closed,
        since: Instant? = nil,
        reason: String? = nil,
        retryAt: Instant? = nil,
        endpoint: EndpointHealth? = nil,
        successRate: Double? = nil,
        p95Milliseconds: Int? = nil,
        share: Double = 0,
        receiptP50Milliseconds: Int? = nil,
        lastError: LastError? = nil,
        lastCheck: Instant? = nil,
        rate: Rate
    ) {
        self.entryId = entryId
        self.channel = channel
        self.provider = provider
        self.position = position
        self.source = source
        self.state = state
        self.since = since
        self.reason = reason
        self.retryAt = retryAt
        self.endpoint = endpoint
        self.successRate = successRate
        self.p95Milliseconds = p95Milliseconds
        self.share = share
        self.receiptP50Milliseconds = receiptP50Milliseconds
        self.lastError = lastError
        self.lastCheck = lastCheck
        self.rate = rate
    }
}

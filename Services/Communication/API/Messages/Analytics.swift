package import Contracts
import Core

/// What messages are counted by.
package enum AnalyticsDimension: String, Hashable, Sendable, Codable, CaseIterable {
    /// The channel that took a message, else the one that was called last, else the first it may take.
    case channel
    case template
    /// The provider that took a message, else the one that was called last.
    case provider
    /// The day in the clinic's time zone on which a message was accepted.
    case day
}

/// Which messages to count, and by what.
package struct AnalyticsRequest: Wire {
    /// Days between `from` and `to`.
    package static let mostDays = 366

    /// Accepted at or after; 30 days before `to` when absent.
    package var from: DayOrTime?
    /// Accepted before, or on that day; now when absent.
    package var to: DayOrTime?
    /// The day when absent.
    package var by: AnalyticsDimension?

    package init(from: DayOrTime? = nil, to: DayOrTime? = nil, by: AnalyticsDimension? = nil) {
        self.from = from
        self.to = to
        self.by = by
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.from, "Accepted at or after; 30 days before `to` when absent."),
            .describe(CodingKeys.to, "Accepted before that moment, or on that day at the latest; now when absent."),
            .describe(
                CodingKeys.by,
                "day when absent; days are those of the clinic's time zone. A message stands under the channel and the provider that took it, else under those that were called last."
            ),
        ]
    }
}

/// Messages of one kind, by where they stand now: each is counted once.
package struct MessageCount: Wire, Hashable {
    /// The channel, template, provider or date; absent for messages that have none.
    package var key: String?
    package var total: Int
    package var queued: Int
    package var sending: Int
    package var sent: Int
    package var delivered: Int
    package var opened: Int
    package var failed: Int
    package var suppressed: Int
    package var cancelled: Int
    package var expired: Int
    package var unknown: Int
    /// What they cost as far as providers have told it, by currency; by channel and provider what the calls of each cost, of messages
    /// too that another one took at last.
    package var costs: [MessageCost]

    package init(
        key: String?,
        total: Int,
        queued: Int,
        sending: Int,
        sent: Int,
        delivered: Int,
        opened: Int,
        failed: Int,
        suppressed: Int,
        cancelled: Int,
        expired: Int,
        unknown: Int,
        costs: [MessageCost] = []
    ) {
        self.key = key
        self.total = total
        self.queued = queued
        self.sending = sending
        self.sent = sent
        self.delivered = delivered
        self.opened = opened
        self.failed = failed
        self.suppressed = suppressed
        self.cancelled = cancelled
        self.expired = expired
        self.unknown = unknown
        self.costs = costs
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.key, "The channel, template, provider or date; absent for messages that have none."),
            .describe(
                CodingKeys.costs,
                "As far as providers have told them. By channel and provider, what the calls of each cost, of messages too that another one took at last and is counted for."
            ),
        ]
    }
}

/// A clinic's messages counted.
package struct MessageAnalytics: Wire, Hashable {
    /// In the order of their keys.
    package var items: [MessageCount]

    package init(items: [MessageCount]) { self.items = items }
}

/// What became of a clinic's messages, in numbers.
package struct AnalyticsEndpoints: Sendable {
    package let read = Endpoint(
        "communication.analytics.read",
        .GET,
        "/communication/analytics",
        service: .communication,
        guard: .permission(CommunicationPermissions.readReports),
        takes: AnalyticsRequest.self,
        gives: MessageAnalytics.self,
        audit: .none(because: "numbers of messages, about nobody"),
        resource: "messages",
        deadline: .seconds(30),
        summary: "Messages of at most 366 days, counted by where they stand"
    )

    package init() {}

    package var all: [any EndpointDescription] { [read] }
}

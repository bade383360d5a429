package import Contracts
package import Core

/// Where a message stands.
///
/// Providers' news only ever move it forward; a further channel, or somebody who sends it again, begins it anew.
package enum MessageStatus: String, Hashable, Sendable, Codable, CaseIterable {
    case queued, sending, sent, delivered, opened, failed, suppressed, cancelled, expired, unknown
}

/// What a queued message waits for.
package enum MessageWait: String, Hashable, Sendable, Codable, CaseIterable {
    case schedule, circuit
    /// Nobody took it yet, or its clinic is suspended: either way it is tried again.
    case retry
    /// The recipient's night.
    case quietHours = "quiet_hours"
    case rateLimit = "rate_limit"
    /// A provider took it, and whether it arrived decides about the next channel.
    case receipt
}

/// How soon a message has to go, before others.
package enum MessagePriority: String, Hashable, Sendable, Codable, CaseIterable {
    case critical, normal, bulk
}

/// What a message is about.
package enum MessageCategory: String, Hashable, Sendable, Codable, CaseIterable {
    case care, billing, marketing, security
}

/// What became of one attempt, or why a provider was passed over.
package enum AttemptOutcome: String, Hashable, Sendable, Codable, CaseIterable {
    case accepted
    case badRecipient = "bad_recipient"
    case optedOut = "opted_out"
    case contentRejected = "content_rejected"
    case credentials
    case senderNotAuthorised = "sender_not_authorised"
    case quota, throttled, transient
    case unknownOutcome = "unknown_outcome"
    case skippedCircuitOpen = "skipped_circuit_open"
    case skippedQuota = "skipped_quota"
    case skippedSuppressed = "skipped_suppressed"
}

/// Why what a provider took did not arrive, as it told later.
package struct AttemptFailure: Wire, Hashable {
    /// When it was told.
    package var at: Instant
    /// In the words of a message's `reason`.
    package var code: String
    package var detail: String
    /// The provider's own, where it tells one.
    package var providerCode: String?

    package init(at: Instant, code: String, detail: String, providerCode: String? = nil) {
        self.at = at
        self.code = code
        self.detail = detail
        self.providerCode = providerCode
    }
}

/// One try with one provider.
package struct MessageAttempt: Wire, Hashable {
    package var channel: MessageChannel
    package var provider: String
    /// Whose provider it is: the clinic's own, or the installation's default.
    package var source: ProviderSource
    package var at: Instant
    package var latencyMs: Int?
    /// Absent while the call is under way.
    package var outcome: AttemptOutcome?
    package var providerMessageId: String?
    package var providerCode: String?
    package var detail: String?
    /// Absent where nothing is known to have failed after the call.
    package var failure: AttemptFailure?
    /// Where the provider tells it, some time after the message.
    package var cost: MessageCost?

    package init(
        channel: MessageChannel,
        provider: String,
        source: ProviderSource,
        at: Instant,
        latencyMs: Int? = nil,
        outcome: AttemptOutcome? = nil,
        providerMessageId: String? = nil,
        providerCode: String? = nil,
        detail: String? = nil,
        failure: AttemptFailure? = nil,
        cost: MessageCost? = nil
    ) {
        self.channel = channel
        self.provider = provider
        self.source = source
        self.at = at
        self.latencyMs = latencyMs
        self.outcome = outcome
        self.providerMessageId = providerMessageId
        self.providerCode = providerCode
        self.detail = detail
        self.failure = failure
        self.cost = cost
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.outcome, "What the call came to, which nothing that is told later changes."),
            .describe(
                CodingKeys.failure,
                "Why what the provider took did not arrive, as it told later: so the next channel had its turn."
            ),
        ]
    }
}

/// Why a message ended badly.
package struct MessageReason: Wire, Hashable {
    package var code: String
    package var detail: String

    package init(code: String, detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// Whom a message goes to; shown with `messages:read_content` only.
package struct MessageRecipient: Wire, Hashable {
    package var email: EmailAddress?
    package var phone: PhoneNumber?
    package var whatsAppUserId: WhatsAppUserID?

    package init(email: EmailAddress?, phone: PhoneNumber? = nil, whatsAppUserId: WhatsAppUserID? = nil) {
        self.email = email
        self.phone = phone
        self.whatsAppUserId = whatsAppUserId
    }
}

/// What a message says; shown with `messages:read_content` only.
package struct MessageContent: Wire, Hashable {
    package static let longestText = 100_000
    package static let longestHTML = 200_000

    package var subject: String?
    package var text: String
    package var html: String?
    /// What the message offers to press, by WhatsApp.
    package var interactive: InteractiveContent?

    package init(
        subject: String? = nil,
        text: String,
        html: String? = nil,
        interactive: InteractiveContent? = nil
    ) {
        self.subject = subject
        self.text = text
        self.html = html
        self.interactive = interactive
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.subject, 1...250), .length(CodingKeys.text, 1...longestText),
            .length(CodingKeys.html, 1...longestHTML),
            .describe(CodingKeys.text, "Marketing by e-mail gets a link to unsubscribe as its last line."),
            .describe(CodingKeys.html, "Marketing by e-mail gets a link to unsubscribe as its last paragraph."),
        ]
    }
}

/// A message and what has become of it.
package struct Message: Wire {
    package var id: MessageID
    package var status: MessageStatus
    /// The channel whose provider took it last; absent until one has.
    package var channel: MessageChannel?
    package var template: String?
    /// Which version of it, where it is the clinic's own.
    package var templateVersion: Int?
    package var category: MessageCategory
    package var priority: MessagePriority
    package var locale: String?
    package var patientId: PatientID?
    package var reference: String?
    package var createdAt: Instant
    package var updatedAt: Instant
    package var sendAt: Instant?
    package var expiresAt: Instant?
    /// Why it ended badly; of an e-mail that has arrived, why it came back afterwards.
    package var reason: MessageReason?
    package var waitingFor: MessageWait?
    package var nextAttemptAt: Instant?
    package var attempts: [MessageAttempt]
    package var to: MessageRecipient?
    package var content: MessageContent?
    /// Further header lines of the e-mail; shown with the content.
    package var headers: [String: String]?
    /// Shown with the content.
    package var attachments: [MessageAttachment]?

    package init(
        id: MessageID,
        status: MessageStatus,
        channel: MessageChannel? = nil,
        template: String? = nil,
        templateVersion: Int? = nil,
        category: MessageCategory,
        priority: MessagePriority,
        locale: String? = nil,
        patientId: PatientID? = nil,
        reference: String? = nil,
        createdAt: Instant,
        updatedAt: Instant,
        sendAt: Instant? = nil,
        expiresAt: Instant? = nil,
        reason: MessageReason? = nil,
        waitingFor: MessageWait? = nil,
        nextAttemptAt: Instant? = nil,
        attempts: [MessageAttempt],
        to: MessageRecipient? = nil,
        content: MessageContent? = nil,
        headers: [String: String]? = nil,
        attachments: [MessageAttachment]? = nil
    ) {
        self.id = id
        self.status = status
        self.channel = channel
        self.template = template
        self.templateVersion = templateVersion
        self.category = category
        self.priority = priority
        self.locale = locale
        self.patientId = patientId
        self.reference = reference
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.sendAt = sendAt
        self.expiresAt = expiresAt
        self.reason = reason
        self.waitingFor = waitingFor
        self.nextAttemptAt = nextAttemptAt
        self.attempts = attempts
        self.to = to
        self.content = content
        self.headers = headers
        self.attachments = attachments
    }
}

/// Names a message.
package struct MessagePath: Wire {
    package var id: MessageID

    package init(id: MessageID) { self.id = id }
}

/// Which messages to list.
package struct MessageListRequest: Wire {
    package var status: MessageStatus?
    /// The one that took it, else the one that was called last, else the one that has the first turn: what analytics count it under.
    package var channel: MessageChannel?
    /// The one that took it, else the one that was called last: what analytics count it under.
    package var provider: String?
    package var template: String?
    package var category: MessageCategory?
    package var patientId: PatientID?
    /// An e-mail address, a phone number, a user id of WhatsApp's or a push token that `to` named.
    package var recipient: String?
    package var reference: String?
    /// Accepted at or after.
    package var from: DayOrTime?
    /// Accepted before, or on that day.
    package var to: DayOrTime?
    /// The newest first when absent.
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        status: MessageStatus? = nil,
        channel: MessageChannel? = nil,
        provider: String? = nil,
        template: String? = nil,
        category: MessageCategory? = nil,
        patientId: PatientID? = nil,
        recipient: String? = nil,
        reference: String? = nil,
        from: DayOrTime? = nil,
        to: DayOrTime? = nil,
        sort: TimeOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.status = status
        self.channel = channel
        self.provider = provider
        self.template = template
        self.category = category
        self.patientId = patientId
        self.recipient = recipient
        self.reference = reference
        self.from = from
        self.to = to
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(
                CodingKeys.channel,
                "The one that took it, else the one that was called last, else the one that has the first turn."
            ), .describe(CodingKeys.provider, "The one that took it, else the one that was called last."),
            .describe(
                CodingKeys.recipient,
                "An e-mail address, a phone number, a user id of WhatsApp's, or a push token that the message named itself."
            ),
            .describe(CodingKeys.from, "Accepted at or after; days are those of the clinic's time zone."),
            .describe(CodingKeys.to, "Accepted before that moment, or on that day at the latest."),
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .length(CodingKeys.provider, 1...40), .length(CodingKeys.template, 1...100),
            .length(CodingKeys.recipient, 3...RecipientDraft.pushTokenLengths.upperBound),
            .length(CodingKeys.reference, 1...200),
            .range(CodingKeys.limit, 1...200),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

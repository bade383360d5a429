package import Contracts
package import Core

/// Whom a message is to reach: an address, or a patient or contact whose addresses are known.
package struct RecipientDraft: Wire {
    /// In characters.
    package static let pushTokenLengths: ClosedRange<Int> = 16...4_096

    package var email: EmailAddress?
    package var phone: PhoneNumber?
    /// Of somebody who has written by WhatsApp and hides their number.
    package var whatsAppUserId: WhatsAppUserID?
    /// What names an installed app to the push provider.
    package var pushToken: String?
    package var patientId: PatientID?
    package var contactId: ContactID?

    package init(
        email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        whatsAppUserId: WhatsAppUserID? = nil,
        pushToken: String? = nil,
        patientId: PatientID? = nil,
        contactId: ContactID? = nil
    ) {
        self.email = email
        self.phone = phone
        self.whatsAppUserId = whatsAppUserId
        self.pushToken = pushToken
        self.patientId = patientId
        self.contactId = contactId
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.pushToken, pushTokenLengths),
            .describe(
                CodingKeys.pushToken,
                "What names an installed app to the push provider; those of contacts and patients are known where they registered."
            ),
            .describe(
                CodingKeys.whatsAppUserId,
                "Of somebody who has written by WhatsApp and hides their number, as their conversation shows it."
            ),
        ]
    }
}

/// A message to be sent: exactly one of `template` and `content`.
package struct MessageDraft: Wire {
    package static let mostHeaders = 10

    package var to: RecipientDraft
    /// The fallback order; without it the contact's preference, then the clinic's order, then all it has providers for.
    package var channels: [MessageChannel]?
    package var template: String?
    package var content: MessageContent?
    /// The template's variables.
    package var data: [String: JSONValue]?
    package var locale: String?
    package var priority: MessagePriority?
    package var category: MessageCategory?
    /// Not before.
    package var sendAt: Instant?
    /// Not after: what has not been sent by then is not sent any more.
    package var expiresAt: Instant?
    package var replyTo: EmailAddress?
    /// Further header lines of the e-mail; other channels have none.
    package var headers: [String: String]?
    /// The caller's own name for it, to find it again; not unique.
    package var reference: String?
    /// They go by e-mail, and a single one by WhatsApp; a message that goes another way goes without them.
    package var attachments: [AttachmentDraft]?

    package init(
        to: RecipientDraft,
        channels: [MessageChannel]? = nil,
        template: String? = nil,
        content: MessageContent? = nil,
        data: [String: JSONValue]? = nil,
        locale: String? = nil,
        priority: MessagePriority? = nil,
        category: MessageCategory? = nil,
        sendAt: Instant? = nil,
        expiresAt: Instant? = nil,
        replyTo: EmailAddress? = nil,
        headers: [String: String]? = nil,
        reference: String? = nil,
        attachments: [AttachmentDraft]? = nil
    ) {
        self.to = to
        self.channels = channels
        self.template = template
        self.content = content
        self.data = data
        self.locale = locale
        self.priority = priority
        self.category = category
        self.sendAt = sendAt
        self.expiresAt = expiresAt
        self.replyTo = replyTo
        self.headers = headers
        self.reference = reference
        self.attachments = attachments
    }

    package static var limits: [Limit] {
        [
            .count(CodingKeys.channels, 1...4), .length(CodingKeys.template, 1...100),
            .example(CodingKeys.template, "appointment_confirmation"), .count(CodingKeys.data, 0...100),
            .length(CodingKeys.locale, 2...35), .example(CodingKeys.locale, "de-AT"),
            .length(CodingKeys.reference, 1...200), .count(CodingKeys.attachments, 1...AttachmentDraft.most),
            .count(CodingKeys.headers, 1...mostHeaders),
            .describe(
                CodingKeys.headers,
                "Further header lines by name, for e-mail alone: In-Reply-To, References, Importance, Priority, Precedence, Sensitivity, Organization, Keywords, Comments, and X- names that neither providers nor mail servers claim. One line each, at most 998 bytes with the name."
            ),
            .describe(
                CodingKeys.channels,
                "The fallback order, each channel once; without it the contact's preference, then the clinic's. Marketing that its recipient has ended on one channel goes on to another only where they have consented to it there."
            ), .describe(CodingKeys.template, "A template's name; exactly one of template and content."),
            .describe(CodingKeys.data, "The template's variables; one that is missing is an error."),
            .describe(
                CodingKeys.locale,
                "A language tag; without it the contact's, their account's, the patient record's, the clinic's, then English."
            ),
            .describe(CodingKeys.category, "The template's when absent, else care."),
            .describe(CodingKeys.priority, "normal when absent; critical needs messages:send_critical."),
            .describe(CodingKeys.sendAt, "Not before; within a year."),
            .describe(CodingKeys.expiresAt, "What has not been sent by then is not sent any more."),
            .describe(CodingKeys.reference, "The caller's own name for it, to find it again; not unique."),
        ]
    }
}

/// A message that was taken in.
package struct AcceptedMessage: Wire, Hashable {
    package enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        case queued
    }

    package var id: MessageID
    /// The same for each, one that its recipient does not want too: what became of it the message itself tells.
    package var status: Status

    package init(id: MessageID) {
        self.id = id
        status = .queued
    }

    package static var limits: [Limit] {
        [.describe(CodingKeys.status, "Of every message that is taken in: what became of it, its GET tells at once.")]
    }
}

/// Messages that are accepted or refused each by itself.
package struct MessageBatch: Wire {
    package static let most = 1_000
    /// Bytes of the request: as many messages as there may be, each of an SMS's longest text with what is around it, and as much
    /// again for letters of several bytes.
    package static let mostBytes = BodyKind.mostBytes

    /// Each a message as it could be sent alone.
    package var messages: [RawJSON]

    package init(messages: [RawJSON]) { self.messages = messages }

    package static var limits: [Limit] { [.count(CodingKeys.messages, 1...most)] }
}

/// What became of one message of a batch: its id, or why it was refused.
package struct MessageBatchItem: Wire, Hashable {
    /// A problem as it would be the whole reply's, but for `instance`: the request is the batch's.
    package struct Refusal: Wire, Hashable {
        /// Most faults told of one message, so that what is said of a thousand can be kept for repeats.
        package static let mostFaults = 5

        package struct Fault: Wire, Hashable {
            package var pointer: String
            package var detail: String

            package init(pointer: String, detail: String) {
                self.pointer = pointer
                self.detail = detail
            }
        }

        package var type: String
        package var title: String
        package var status: Int
        package var code: String
        package var detail: String
        package var retryable: Bool
        /// At most `mostFaults`.
        package var errors: [Fault]?

        package init(
            type: String,
            title: String,
            status: Int,
            code: String,
            detail: String,
            retryable: Bool,
            errors: [Fault]?
        ) {
            self.type = type
            self.title = title
            self.status = status
            self.code = code
            self.detail = detail
            self.retryable = retryable
            self.errors = errors
        }
    }

    package var index: Int
    package var id: MessageID?
    package var problem: Refusal?

    package init(index: Int, id: MessageID? = nil, problem: Refusal? = nil) {
        self.index = index
        self.id = id
        self.problem = problem
    }
}

/// What became of each message of a batch, in its order.
package struct MessageBatchResult: Wire, Hashable {
    package var items: [MessageBatchItem]

    package init(items: [MessageBatchItem]) { self.items = items }
}

package import Contracts
package import Core

/// What somebody has written to the clinic from one address or number on one channel.
package struct Conversation: Wire, Hashable {
    package var id: ConversationID
    package var channel: MessageChannel
    /// Those whose address it is, and the patients among them: families share theirs.
    package var contactIds: [ContactID]
    package var patientIds: [PatientID]
    /// Who writes; absent without `messages:read_content`.
    package var address: String?
    package var openedAt: Instant
    /// When they wrote last.
    package var heardAt: Instant

    package init(
        id: ConversationID,
        channel: MessageChannel,
        contactIds: [ContactID],
        patientIds: [PatientID],
        address: String?,
        openedAt: Instant,
        heardAt: Instant
    ) {
        self.id = id
        self.channel = channel
        self.contactIds = contactIds
        self.patientIds = patientIds
        self.address = address
        self.openedAt = openedAt
        self.heardAt = heardAt
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.contactIds, "Those whose address it is: families share theirs."),
            .describe(
                CodingKeys.address,
                "Who writes: an address, a number, or the user id of who hides theirs by WhatsApp; absent without "
                    + "messages:read_content."
            ),
        ]
    }
}

/// A message of a conversation, as it came.
package struct InboundMessage: Wire, Hashable {
    /// Files of one message that are named.
    package static let mostFiles = 50

    package var id: InboundMessageID
    package var conversationId: ConversationID
    package var provider: String
    package var receivedAt: Instant
    /// `confirm`, `cancel`, `reschedule`, `yes`, `no`, `stop`, `start` or `help`, where it says nothing else; whatever has
    /// none is for people to read.
    package var command: String?
    /// The message that answered it without anybody's doing.
    package var answerId: MessageID?
    /// No person wrote it: an absence note, a mailing list.
    package var isAutomatic: Bool
    /// An e-mail's; absent without `messages:read_content`, as the text is.
    package var subject: String?
    package var text: String?
    package var files: [ConversationFile]
    /// How many further files there were; absent where all are named.
    package var filesLeftOut: Int?

    package init(
        id: InboundMessageID,
        conversationId: ConversationID,
        provider: String,
        receivedAt: Instant,
        command: String?,
        answerId: MessageID?,
        isAutomatic: Bool,
        subject: String?,
        text: String?,
        files: [ConversationFile],
        filesLeftOut: Int? = nil
    ) {
        self.id = id
        self.conversationId = conversationId
        self.provider = provider
        self.receivedAt = receivedAt
        self.command = command
        self.answerId = answerId
        self.isAutomatic = isAutomatic
        self.subject = subject
        self.text = text
        self.files = files
        self.filesLeftOut = filesLeftOut
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.text, "Absent without messages:read_content."),
            .describe(CodingKeys.isAutomatic, "No person wrote it: an absence note, a mailing list."),
            .count(CodingKeys.files, 0...mostFiles),
            .describe(CodingKeys.filesLeftOut, "How many further files there were; absent where all are named."),
        ]
    }
}

/// What has become of a file.
package enum ConversationFileStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// Still to be fetched from the provider.
    case pending
    case kept
    /// Of a kind that is not kept, too large, or not the provider's to give.
    case refused
    /// The provider did not hand it out in time.
    case lost
    /// Only what it is called is known: the provider hands nothing more out.
    case omitted
}

/// A picture or file that came with a message.
package struct ConversationFile: Wire, Hashable {
    /// Which of the message's it is.
    package var place: Int
    /// Absent without `messages:read_content`.
    package var filename: String?
    package var contentType: String?
    /// In bytes, where it is known.
    package var size: Int?
    package var status: ConversationFileStatus
    /// Why it is refused or lost, such as `too_large`, `type_not_kept` or `virus`.
    package var reason: String?

    package init(
        place: Int,
        filename: String?,
        contentType: String?,
        size: Int?,
        status: ConversationFileStatus,
        reason: String? = nil
    ) {
        self.place = place
        self.status = status
        self.reason = reason
        self.filename = filename
        self.contentType = contentType
        self.size = size
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.filename, "Absent without messages:read_content."),
            .describe(
                CodingKeys.reason,
                "Why it is refused or lost: too_large (over 25 MiB with the e-mail's files before it, over 5 MiB where the "
                    + "provider holds it), type_not_kept, virus, not_there, unreachable and others."
            ),
        ]
    }
}

/// Names a file of a conversation's message.
package struct ConversationFilePath: Wire {
    package var id: ConversationID
    package var messageId: InboundMessageID
    package var place: Int

    package init(id: ConversationID, messageId: InboundMessageID, place: Int) {
        self.id = id
        self.messageId = messageId
        self.place = place
    }

    package static var limits: [Limit] { [.range(CodingKeys.place, 0...Int64(InboundMessage.mostFiles - 1))] }
}

/// What is in a file, byte for byte.
package struct FileContent: Wire, Documented {
    package init() {}

    package init(from decoder: any Decoder) throws {}

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("")
    }

    package static var schema: Schema { .string(example: "") }
    package static var placeholder: FileContent { FileContent() }
}

/// In which order a list has conversations.
package enum ConversationOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case heardLastFirst = "-heardAt"
    case heardFirstFirst = "heardAt"
}

/// In which order a list has what somebody wrote.
package enum InboundOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-receivedAt"
    case oldestFirst = "receivedAt"
}

/// Which conversations to list.
package struct ConversationSearch: Wire {
    package var patientId: PatientID?
    package var contactId: ContactID?
    package var channel: MessageChannel?
    package var sort: ConversationOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        patientId: PatientID? = nil,
        contactId: ContactID? = nil,
        channel: MessageChannel? = nil,
        sort: ConversationOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.patientId = patientId
        self.contactId = contactId
        self.channel = channel
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-heardAt, those heard of last first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// Which messages of a conversation to list.
package struct InboundMessageSearch: Wire {
    package var id: ConversationID
    package var sort: InboundOrder?
    package var limit: Int?
    package var cursor: String?

    package init(id: ConversationID, sort: InboundOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.id = id
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-receivedAt, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// What patients and others have written to the clinic.
package struct ConversationEndpoints: Sendable {
    package let list = Endpoint(
        "communication.conversations.list",
        .GET,
        "/communication/conversations",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConversations),
        asksWithin: [CommunicationPermissions.readContent],
        takes: ConversationSearch.self,
        gives: Page<Conversation>.self,
        audit: .read,
        summary: "Conversations, the one heard of last first"
    )
    package let messages = Endpoint(
        "communication.conversations.messages",
        .GET,
        "/communication/conversations/{id}/messages",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConversations),
        asksWithin: [CommunicationPermissions.readContent],
        takes: InboundMessageSearch.self,
        gives: Page<InboundMessage>.self,
        audit: .read,
        summary: "What was written in a conversation, newest first"
    )

    package let file = Endpoint(
        "communication.conversations.file",
        .GET,
        "/communication/conversations/{id}/messages/{messageId}/files/{place}",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConversations),
        asksWithin: [CommunicationPermissions.readContent],
        takes: ConversationFilePath.self,
        gives: FileContent.self,
        audit: .read,
        streams: true,
        media: "application/octet-stream",
        errors: [ErrorCode(409, "file_not_kept")],
        summary: "A picture or file of a message, with messages:read_content; its kind stands in the message"
    )

    package init() {}

    package var all: [any EndpointDescription] { [list, messages, file] }
}

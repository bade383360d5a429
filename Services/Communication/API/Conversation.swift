package import Contracts
package import Core

/// What somebody has written to the clinic from one address or number on one channel.
package struct Conversation: Wire, Hashable {
    package var id: ConversationID
    package var channel: MessageChannel
    /// Whom it is with: an e-mail address or a number.
    package var address: String
    /// The patients whose address it is; families share theirs.
    package var patientIds: [PatientID]
    package var openedAt: Instant
    /// When they wrote last.
    package var heardAt: Instant

    package init(
        id: ConversationID,
        channel: MessageChannel,
        address: String,
        patientIds: [PatientID],
        openedAt: Instant,
        heardAt: Instant
    ) {
        self.id = id
        self.channel = channel
        self.address = address
        self.patientIds = patientIds
        self.openedAt = openedAt
        self.heardAt = heardAt
    }
}

/// One thing that somebody has written.
package struct InboundMessage: Wire, Hashable {
    package var id: InboundMessageID
    package var text: String
    /// How many pictures and files came with it.
    package var files: Int
    /// `confirm`, `cancel`, `reschedule`, `yes`, `no`, `stop`, `start` or `help`, where it says nothing else; whatever has
    /// none is for people to read.
    package var command: String?
    /// The message that answered it without anybody's doing.
    package var answerId: MessageID?
    package var receivedAt: Instant

    package init(
        id: InboundMessageID,
        text: String,
        files: Int,
        command: String?,
        answerId: MessageID?,
        receivedAt: Instant
    ) {
        self.id = id
        self.text = text
        self.files = files
        self.command = command
        self.answerId = answerId
        self.receivedAt = receivedAt
    }
}

/// A page of conversations, those heard from last first.
package struct ConversationSearch: Wire {
    package static let longestCursor = 1_000

    package var patientId: PatientID?
    package var limit: Int?
    package var cursor: String?

    package init(patientId: PatientID? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.patientId = patientId
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...longestCursor)]
    }
}

/// A page of what was written in a conversation, newest first.
package struct InboundMessageSearch: Wire {
    package var id: ConversationID
    package var limit: Int?
    package var cursor: String?

    package init(id: ConversationID, limit: Int? = nil, cursor: String? = nil) {
        self.id = id
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...ConversationSearch.longestCursor)]
    }
}

/// What people have written to the clinic.
package struct ConversationEndpoints: Sendable {
    package let list = Endpoint(
        "communication.conversations.list",
        .GET,
        "/communication/conversations",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConversations),
        takes: ConversationSearch.self,
        gives: Page<Conversation>.self,
        audit: .read,
        summary: "Who has written to the clinic, last heard first"
    )
    package let messages = Endpoint(
        "communication.conversations.messages",
        .GET,
        "/communication/conversations/{id}/messages",
        service: .communication,
        guard: .permission(CommunicationPermissions.readConversations),
        takes: InboundMessageSearch.self,
        gives: Page<InboundMessage>.self,
        audit: .read,
        summary: "What was written in a conversation, newest first"
    )

    package init() {}

    package var all: [any EndpointDescription] { [list, messages] }
}

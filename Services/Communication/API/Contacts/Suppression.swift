package import Contracts
package import Core

/// Why an address is not to be reached.
package enum SuppressionReason: String, Hashable, Sendable, Codable, CaseIterable {
    /// The address does not exist, or takes nothing for good.
    case hardBounce = "hard_bounce"
    /// The recipient called a message unwanted.
    case complaint
    /// Somebody of the clinic decided so.
    case manual
    /// The recipient answered with a word that ends all messages on the channel.
    case stop
    /// The recipient followed the link to unsubscribe.
    case unsubscribe
}

/// An address that is not to be reached on a channel.
package struct Suppression: Wire, Hashable {
    package var id: SuppressionID
    package var channel: MessageChannel
    /// Absent where a provider has told of a recipient whom nobody here can name any more.
    package var address: String?
    /// What it keeps away; everything when absent.
    package var category: MessageCategory?
    package var reason: SuppressionReason
    /// Who told: `staff`, `csv`, `link`, `keyword` or `provider:` and its name.
    package var source: String
    /// Not in force from then on.
    package var expiresAt: Instant?
    package var createdAt: Instant
    package var createdBy: String
    package var updatedAt: Instant

    package init(
        id: SuppressionID,
        channel: MessageChannel,
        address: String?,
        category: MessageCategory?,
        reason: SuppressionReason,
        source: String,
        expiresAt: Instant?,
        createdAt: Instant,
        createdBy: String,
        updatedAt: Instant
    ) {
        self.id = id
        self.channel = channel
        self.address = address
        self.category = category
        self.reason = reason
        self.source = source
        self.expiresAt = expiresAt
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.updatedAt = updatedAt
    }

    package static var limits: [Limit] {
        [.describe(CodingKeys.category, "What it keeps away; everything when absent.")]
    }
}

/// An address that is not to be reached any more.
package struct SuppressionDraft: Wire {
    package var channel: MessageChannel
    /// An e-mail address, an E.164 number, a user id of WhatsApp's or a push token, as the channel asks for.
    package var address: String
    package var category: MessageCategory?
    package var reason: SuppressionReason?
    package var expiresAt: Instant?

    package init(
        channel: MessageChannel,
        address: String,
        category: MessageCategory? = nil,
        reason: SuppressionReason? = nil,
        expiresAt: Instant? = nil
    ) {
        self.channel = channel
        self.address = address
        self.category = category
        self.reason = reason
        self.expiresAt = expiresAt
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.address, 1...4_096), .example(CodingKeys.address, "mira@example.org"),
            .describe(
                CodingKeys.address,
                "An e-mail address, an E.164 number, a user id of WhatsApp's or a push token, as the channel asks for."
            ),
            .describe(CodingKeys.category, "What it keeps away; everything when absent."),
            .describe(CodingKeys.reason, "manual when absent."),
        ]
    }
}

/// What may be changed of a suppression: how long it is in force.
package struct SuppressionPatch: Wire {
    package var id: SuppressionID
    package var expiresAt: Patch<Instant>

    package init(id: SuppressionID, expiresAt: Patch<Instant> = .absent) {
        self.id = id
        self.expiresAt = expiresAt
    }
}

/// Names a suppression.
package struct SuppressionPath: Wire {
    package var id: SuppressionID

    package init(id: SuppressionID) { self.id = id }
}

/// Which suppressions to list; expired ones too.
package struct SuppressionListRequest: Wire {
    package var channel: MessageChannel?
    package var reason: SuppressionReason?
    package var category: MessageCategory?
    /// Exactly this address.
    package var address: String?
    /// The newest first when absent.
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        channel: MessageChannel? = nil,
        reason: SuppressionReason? = nil,
        category: MessageCategory? = nil,
        address: String? = nil,
        sort: TimeOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.channel = channel
        self.reason = reason
        self.category = category
        self.address = address
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.address, 1...4_096), .range(CodingKeys.limit, 1...200),
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// Suppressions as CSV: `channel,address` and, if wanted, `category,reason,expiresAt`, in any order, named in the first line.
package struct SuppressionImport: Wire {
    /// Rows of one import.
    package static let mostRows = 20_000
    /// In bytes.
    package static let longestBody = BodyKind.mostBytes

    package var body: RawBody

    package init(body: RawBody) { self.body = body }
}

/// What became of the rows of an import; a refused row keeps none of the others out.
package struct SuppressionImportResult: Wire, Hashable {
    /// A row that was not taken.
    package struct Refusal: Wire, Hashable {
        /// Where it begins; the first line is 1.
        package var line: Int
        package var detail: String

        package init(line: Int, detail: String) {
            self.line = line
            self.detail = detail
        }
    }

    package var added: Int
    /// Rows that said nothing new.
    package var present: Int
    package var refused: [Refusal]

    package init(added: Int = 0, present: Int = 0, refused: [Refusal] = []) {
        self.added = added
        self.present = present
        self.refused = refused
    }
}

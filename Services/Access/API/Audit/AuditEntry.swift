package import Contracts
package import Core

/// An entry of an audit log.
///
/// One past retention keeps `seq`, `pruned` and `leafHash` alone.
package struct AuditEntry: Wire, Hashable {
    package struct Actor: Wire, Hashable {
        package var type: String
        package var id: String
        package var roles: [String]
        package var apiKeyId: String?
    }

    package struct Resource: Wire, Hashable {
        package var type: String
        package var id: String
    }

    package struct Source: Wire, Hashable {
        package var address: String
        package var userAgent: String
    }

    /// Its place in the log, from 0.
    package var seq: Int64
    package var id: AuditEntryID?
    package var at: Instant?
    /// A clinic's id, or the nil UUID in the installation's log.
    package var clinicId: ClinicID?
    package var actor: Actor?
    package var action: String?
    package var resource: Resource?
    package var patientId: PatientID?
    /// The emergency access it was done under.
    package var breakGlassId: BreakGlassID?
    package var outcome: AuditRecord.Outcome?
    package var reason: String?
    package var requestId: RequestID?
    package var source: Source?
    /// How many like it this entry stands for; absent for one.
    package var count: Int?
    /// What it was done with, as `name=version` apart by spaces: a template, a provider's credentials.
    package var using: String?
    /// True where only the hash is left.
    package var pruned: Bool?
    /// Base64; only where pruned.
    package var leafHash: String?
}

/// In which order a page of JSON has entries; what is streamed comes in the order of the log.
package enum AuditOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case oldestFirst = "seq"
    case newestFirst = "-seq"
}

/// Which entries; `from` and `to` are times, `from` included, `to` not.
package struct AuditQuery: Wire, Hashable {
    package var from: Instant?
    package var to: Instant?
    /// The actor's id.
    package var actor: String?
    package var apiKeyId: String?
    package var action: String?
    package var resourceType: String?
    package var resourceId: String?
    package var patientId: PatientID?
    package var outcome: AuditRecord.Outcome?
    package var requestId: RequestID?
    package var fromSeq: Int64?
    /// Included.
    package var toSeq: Int64?
    package var sort: AuditOrder?
    package var limit: Int?
    package var cursor: String?

    package init() {}

    package static var limits: [Limit] {
        [
            .length(CodingKeys.actor, 1...100), .length(CodingKeys.apiKeyId, 1...100),
            .length(CodingKeys.action, 1...100), .length(CodingKeys.resourceType, 1...100),
            .length(CodingKeys.resourceId, 1...100), .range(CodingKeys.fromSeq, 0...Int64.max),
            .range(CodingKeys.toSeq, 0...Int64.max), .range(CodingKeys.limit, 1...200),
            .describe(
                CodingKeys.sort,
                "seq, the order of the log, when absent; -seq is for pages of JSON, not for what is streamed."
            ),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// A signed statement of a log's size and root.
package struct Checkpoint: Wire, Hashable {
    package var size: Int64
    /// Base64.
    package var rootHash: String
    package var at: Instant
    /// The whole signed note.
    package var note: String

    package init(size: Int64, rootHash: String, at: Instant, note: String) {
        self.size = size
        self.rootHash = rootHash
        self.at = at
        self.note = note
    }
}

/// In which order checkpoints are listed: their sizes grow with time.
package enum CheckpointOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case smallestFirst = "size"
    case largestFirst = "-size"
}

/// Checkpoints of sizes from `from` to `to`, both included.
package struct CheckpointQuery: Wire {
    package var from: Int64?
    package var to: Int64?
    package var sort: CheckpointOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        from: Int64? = nil,
        to: Int64? = nil,
        sort: CheckpointOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.from = from
        self.to = to
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "size, the smallest first, when absent."),
            .range(CodingKeys.from, 0...Int64.max), .range(CodingKeys.to, 0...Int64.max),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// The entry `seq` in the tree of `size` entries; of the newest checkpoint unless named.
package struct InclusionQuery: Wire {
    package var seq: Int64
    package var size: Int64?

    package init(seq: Int64, size: Int64? = nil) {
        self.seq = seq
        self.size = size
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.seq, 0...Int64.max), .range(CodingKeys.size, 1...Int64.max)]
    }
}

/// The trees of two sizes.
package struct ConsistencyQuery: Wire {
    package var from: Int64
    package var to: Int64?

    package init(from: Int64, to: Int64? = nil) {
        self.from = from
        self.to = to
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.from, 0...Int64.max), .range(CodingKeys.to, 0...Int64.max)]
    }
}

/// The hashes of a proof, in the order of RFC 6962.
package struct Proof: Wire, Hashable {
    /// Base64.
    package var hashes: [String]
    /// The size the proof is for.
    package var size: Int64

    package init(hashes: [String], size: Int64) {
        self.hashes = hashes
        self.size = size
    }
}

/// The keys of a log.
package struct VerifierKeyList: Wire, Hashable {
    package var items: [VerifierKeyText]

    package init(items: [VerifierKeyText]) { self.items = items }
}

/// A verifier key of C2SP signed notes: `name+hash+key`.
package struct VerifierKeyText: Wire, Hashable {
    package var verifierKey: String

    package init(verifierKey: String) { self.verifierKey = verifierKey }
}

/// A signed note as it stands.
package struct NoteText: Wire, Documented {
    package var text: String

    package init(_ text: String) { self.text = text }

    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package static var schema: Schema { .string(example: "clinic.example/audit/…\n42\n…") }
    package static var placeholder: NoteText { NoteText("") }
}

/// Names a tile as C2SP tlog-tiles spells it behind `tile/`.
package struct AuditTilePath: Wire {
    package var tile: String

    package init(tile: String) { self.tile = tile }

    package static var limits: [Limit] { [.length(CodingKeys.tile, 1...100)] }
}

/// Bytes that are pulled page by page, never one value.
package struct StreamedBytes: Wire, Documented {
    package init() {}
    package init(from decoder: any Decoder) throws {}

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode("")
    }

    package static var schema: Schema { .string(format: "binary") }
    package static var placeholder: StreamedBytes { StreamedBytes() }
}

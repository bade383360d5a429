package import Contracts
package import Core

/// A bundle of entries with all that proves them offline.
package struct AuditExport: Wire, Hashable {
    package enum Status: String, Hashable, Sendable, Codable, CaseIterable { case pending, ready, failed, expired }

    package var id: AuditExportID
    package var status: Status
    package var from: Instant?
    package var to: Instant?
    package var filters: AuditFilters?
    /// The log's size that the bundle covers; known once it is ready.
    package var size: Int64?
    /// How many entries it holds; known once it is ready.
    package var entries: Int64?
    package var createdAt: Instant
    package var expiresAt: Instant

    package init(
        id: AuditExportID,
        status: Status,
        from: Instant?,
        to: Instant?,
        filters: AuditFilters?,
        size: Int64?,
        entries: Int64?,
        createdAt: Instant,
        expiresAt: Instant
    ) {
        self.id = id
        self.status = status
        self.from = from
        self.to = to
        self.filters = filters
        self.size = size
        self.entries = entries
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Which entries a bundle holds, beyond its times.
package struct AuditFilters: Wire, Hashable {
    package var actor: String?
    package var apiKeyId: String?
    package var action: String?
    package var resourceType: String?
    package var resourceId: String?
    package var patientId: PatientID?
    package var outcome: AuditRecord.Outcome?
    package var requestId: RequestID?
    package var fromSeq: Int64?
    package var toSeq: Int64?

    package init() {}

    package static var limits: [Limit] {
        [
            .length(CodingKeys.actor, 1...100), .length(CodingKeys.apiKeyId, 1...100),
            .length(CodingKeys.action, 1...100), .length(CodingKeys.resourceType, 1...100),
            .length(CodingKeys.resourceId, 1...100), .range(CodingKeys.fromSeq, 0...Int64.max),
            .range(CodingKeys.toSeq, 0...Int64.max),
        ]
    }
}

/// A bundle to be prepared; everything up to the next checkpoint unless limited.
package struct AuditExportDraft: Wire {
    package var from: Instant?
    package var to: Instant?
    package var filters: AuditFilters?

    package init(from: Instant? = nil, to: Instant? = nil, filters: AuditFilters? = nil) {
        self.from = from
        self.to = to
        self.filters = filters
    }
}

/// Names a bundle.
package struct AuditExportPath: Wire {
    package var exportId: AuditExportID

    package init(exportId: AuditExportID) { self.exportId = exportId }
}

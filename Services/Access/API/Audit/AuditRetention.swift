package import Contracts
package import Core

/// How long a clinic keeps audit entries that no other rule keeps: those about health data stay six years, those about
/// security, fraud, disputes and emergency access for ever.
package struct AuditRetention: Wire, Hashable {
    /// Six years.
    package static let longestDays = 2_192
    package static let shortestDays = 90

    package var days: Int

    package init(days: Int) { self.days = days }

    package static var limits: [Limit] { [.range(CodingKeys.days, Int64(shortestDays)...Int64(longestDays))] }
}

/// Which accesses of one's own record.
package struct PatientAccessQuery: Wire {
    package var sort: PatientAccessOrder?
    package var limit: Int?
    package var cursor: String?

    package init(sort: PatientAccessOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-at, the newest first, when absent."), .range(CodingKeys.limit, 1...200),
            .length(CodingKeys.cursor, 1...1_000),
        ]
    }
}

/// In which order a patient is told.
package enum PatientAccessOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-at"
    case oldestFirst = "at"
}

/// That somebody saw or changed something of a patient's record, as the patient is told.
package struct PatientAccess: Wire, Hashable {
    package struct Actor: Wire, Hashable {
        package var type: String
        package var id: String
        package var roles: [String]

        package init(type: String, id: String, roles: [String]) {
            self.type = type
            self.id = id
            self.roles = roles
        }
    }

    package var at: Instant
    package var actor: Actor
    package var action: String
    package var resourceType: String
    package var outcome: AuditRecord.Outcome

    package init(at: Instant, actor: Actor, action: String, resourceType: String, outcome: AuditRecord.Outcome) {
        self.at = at
        self.actor = actor
        self.action = action
        self.resourceType = resourceType
        self.outcome = outcome
    }
}

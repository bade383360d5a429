package import Core

/// An audit entry before it has its place in the log.
///
/// Ids only: no names, addresses or bodies.
package struct AuditRecord: Hashable, Sendable, Codable {
    package struct Actor: Hashable, Sendable, Codable {
        /// A `Principal.Kind`.
        package var type: String
        package var id: String
        package var roles: [String]
        package var apiKeyId: String?

        package init(type: String, id: String, roles: [String] = [], apiKeyId: String? = nil) {
            self.type = type
            self.id = id
            self.roles = roles
            self.apiKeyId = apiKeyId
        }

        package init(_ principal: Principal) {
            self.init(
                type: principal.kind.rawValue,
                id: principal.id,
                roles: principal.roles,
                apiKeyId: principal.kind == .apiKey ? principal.id : nil
            )
        }
    }

    package struct Resource: Hashable, Sendable, Codable {
        package var type: String
        package var id: String

        package init(type: String, id: String) {
            self.type = type
            self.id = id
        }
    }

    package enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        case succeeded, failed, denied
    }

    /// Where the request came from.
    package struct Source: Hashable, Sendable, Codable {
        package var address: String
        package var userAgent: String

        package init(address: String, userAgent: String) {
            self.address = address
            self.userAgent = userAgent
        }
    }

    package var id: AuditEntryID
    package var at: Instant
    package var clinicId: ClinicID
    package var actor: Actor
    /// The permission used, else the operation's name.
    package var action: String
    package var resource: Resource
    package var patientId: PatientID?
    /// The emergency access it was done under.
    package var breakGlassId: BreakGlassID?
    package var outcome: Outcome
    /// A stable code, never a sentence with values.
    package var reason: String?
    package var requestId: RequestID
    package var source: Source
    /// How many like it this entry stands for; `nil` for one.
    package var count: Int?
    /// What it was done with, as `name=version` apart by spaces: a template, credentials; never their contents.
    package var using: String?

    package init(
        id: AuditEntryID = AuditEntryID(),
        at: Instant,
        clinicId: ClinicID,
        actor: Actor,
        action: String,
        resource: Resource,
        patientId: PatientID? = nil,
        breakGlassId: BreakGlassID? = nil,
        outcome: Outcome,
        reason: String? = nil,
        requestId: RequestID,
        source: Source,
        count: Int? = nil,
        using: String? = nil
    ) {
        self.id = id
        self.at = at
        self.clinicId = clinicId
        self.actor = actor
        self.action = action
        self.resource = resource
        self.patientId = patientId
        self.breakGlassId = breakGlassId
        self.outcome = outcome
        self.reason = reason
        self.requestId = requestId
        self.source = source
        self.count = count
        self.using = using
    }
}

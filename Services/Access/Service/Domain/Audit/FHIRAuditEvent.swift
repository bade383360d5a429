import Contracts
import Core

/// An entry as a FHIR R4 AuditEvent in the shape of IHE's Basic Audit Log Patterns.
///
/// Which part is what: the user is the agent who asked, the address they asked from is the client's, we are the server and
/// the source; entities are the request, the patient where there is one, and the resource.
enum FHIRAuditEvent {
    private static let profiles = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
    private static let eventTypes = "http://terminology.hl7.org/CodeSystem/audit-event-type"
    private static let interactions = "http://hl7.org/fhir/restful-interaction"
    private static let roles = "http://terminology.hl7.org/CodeSystem/object-role"
    private static let entityTypes = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
    private static let dicom = "http://dicom.nema.org/resources/ontology/DCM"

    /// What an action is to FHIR: the verb of its permission.
    enum Kind: String {
        case create = "Create"
        case read = "Read"
        case update = "Update"
        case delete = "Delete"
        case execute

        init(action: String) {
            switch action.split(separator: ":").last {
            case "create", "send": self = .create
            case "read", "export", "read_content": self = .read
            case "update", "assign": self = .update
            case "delete": self = .delete
            default: self = .execute
            }
        }

        /// The code of `AuditEvent.action`.
        var code: String {
            switch self {
            case .create: "C"
            case .read: "R"
            case .update: "U"
            case .delete: "D"
            case .execute: "E"
            }
        }

        var interaction: String { self == .execute ? "operation" : rawValue.lowercased() }
    }

    /// One event, or what stands for one that is past retention.
    static func json(of entry: StoredEntry) throws -> [UInt8] {
        if entry.isPruned { return try JSONWriter.encode(outcome(ofPruned: entry)) }
        return try JSONWriter.encode(event(try JSONTape(entry.leaf).decode(AuditRecord.self)))
    }

    /// A page of events; those past retention are told of as outcomes of the search, as FHIR has it.
    static func bundle(_ entries: some Sequence<StoredEntry>, next: String?) throws -> [UInt8] {
        var items: [JSONValue] = []
        for entry in entries {
            if entry.isPruned {
                items.append(["resource": try outcome(ofPruned: entry), "search": ["mode": "outcome"]])
                continue
            }
            let record = try JSONTape(entry.leaf).decode(AuditRecord.self)
            items.append([
                "fullUrl": .string("urn:uuid:\(record.id)"), "resource": event(record), "search": ["mode": "match"],
            ])
        }
        var bundle: [String: JSONValue] = ["resourceType": "Bundle", "type": "searchset"]
        if !items.isEmpty { bundle["entry"] = .array(items) }
        if let next { bundle["link"] = [["relation": "next", "url": .string(next)]] }
        return try JSONWriter.encode(JSONValue.object(bundle))
    }

    /// An entry that is past retention is no AuditEvent any more; its place and its hash are told all the same.
    static func outcome(ofPruned entry: StoredEntry) throws -> JSONValue {
        let hash = try JSONTape(entry.leaf).decode(JSONValue.self)["leafHash"]?.string ?? ""
        let text = "Entry \(entry.seq) is past retention; its leaf hash is \(hash)."
        return [
            "resourceType": "OperationOutcome",
            "issue": [["severity": "information", "code": "deleted", "diagnostics": .string(text)]],
        ]
    }

    static func event(_ record: AuditRecord) -> JSONValue {
        let kind = Kind(action: record.action)
        var event: [String: JSONValue] = [
            "resourceType": "AuditEvent", "id": .string(record.id.description),
            "type": coding(eventTypes, "rest", "Restful Operation"),
            "subtype": [coding(interactions, kind.interaction, kind.interaction)],
            "action": .string(kind.code), "recorded": .string(record.at.rfc3339),
            "outcome": .string(outcome(record.outcome)),
            "agent": .array([client(record), server, user(record)]),
            "source": [
                "observer": ["display": "polyclinic"],
                "type": [
                    coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4", "Application Server")
                ],
            ],
            "entity": .array(entities(record)),
        ]
        if record.breakGlassId != nil {
            let reasons = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
            event["purposeOfEvent"] = [concept(reasons, "BTG", "break the glass")]
        }
        if let reason = record.reason { event["outcomeDesc"] = .string(reason) }
        if kind != .execute {
            let patient = record.patientId == nil ? "" : "Patient"
            event["meta"] = ["profile": [.string(profiles + patient + kind.rawValue)]]
        }
        return .object(event)
    }

    /// 0 is success, 4 a minor failure, 8 a serious one.
    private static func outcome(_ outcome: AuditRecord.Outcome) -> String {
        switch outcome {
        case .succeeded: "0"
        case .failed: "4"
        case .denied: "8"
        }
    }

    // MARK: - Who

    private static func client(_ record: AuditRecord) -> JSONValue {
        var agent: [String: JSONValue] = [
            "type": concept(dicom, "110153", "Source Role ID"), "requestor": false,
            "who": ["display": .string(record.source.userAgent.isEmpty ? "unknown" : record.source.userAgent)],
        ]
        if !record.source.address.isEmpty {
            agent["network"] = ["address": .string(record.source.address), "type": "2"]
        }
        return .object(agent)
    }

    private static let server: JSONValue = [
        "type": concept(dicom, "110152", "Destination Role ID"), "requestor": false, "who": ["display": "polyclinic"],
    ]

    private static func user(_ record: AuditRecord) -> JSONValue {
        let participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
        var agent: [String: JSONValue] = [
            "type": concept(participation, "IRCP", "information recipient"), "requestor": true,
            "who": identifier("actor:\(record.actor.type)", record.actor.id),
        ]
        if !record.actor.roles.isEmpty {
            agent["role"] = .array(record.actor.roles.map { ["text": .string($0)] })
        }
        return .object(agent)
    }

    // MARK: - What

    private static func entities(_ record: AuditRecord) -> [JSONValue] {
        let transactions = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
        var entities: [JSONValue] = [
            [
                "what": ["identifier": ["value": .string(record.requestId.description)]],
                "type": coding(transactions, "XrequestId", "X-Request-Id"),
            ]
        ]
        if let patient = record.patientId {
            entities.append([
                "what": ["reference": .string("Patient/\(patient)")], "type": coding(entityTypes, "1", "Person"),
                "role": coding(roles, "1", "Patient"),
            ])
        }
        var resource: [String: JSONValue] = [
            "what": identifier("resource:\(record.resource.type)", record.resource.id),
            "type": coding(entityTypes, "2", "System Object"), "role": coding(roles, "4", "Domain Resource"),
        ]
        let details = details(record.using)
        if !details.isEmpty { resource["detail"] = .array(details) }
        entities.append(.object(resource))
        return entities
    }

    /// What it was done with, each as a detail of its own.
    private static func details(_ using: String?) -> [JSONValue] {
        (using ?? "").split(separator: " ").compactMap { item in
            let parts = item.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return ["type": .string(String(parts[0])), "valueString": .string(String(parts[1]))]
        }
    }

    // MARK: - Data types

    private static func coding(_ system: String, _ code: String, _ display: String) -> JSONValue {
        ["system": .string(system), "code": .string(code), "display": .string(display)]
    }

    private static func concept(_ system: String, _ code: String, _ display: String) -> JSONValue {
        ["coding": [coding(system, code, display)]]
    }

    /// A reference by identifier; one without a value would be none.
    private static func identifier(_ kind: String, _ value: String) -> JSONValue {
        let system: JSONValue = .string("urn:polyclinic:\(kind)")
        return ["identifier": value.isEmpty ? ["system": system] : ["system": system, "value": .string(value)]]
    }
}

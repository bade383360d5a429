import AccessAPI
import Contracts
import Core

/// How entries are written out.
enum AuditFormat: Sendable {
    case json
    /// A line each (NDJSON): the very bytes that were hashed.
    case lines
    case csv
    /// A page of FHIR AuditEvents as a Bundle.
    case fhir
    /// FHIR AuditEvents, a line each.
    case fhirLines

    /// What a client's `Accept` asks for; JSON unless it names one of the others.
    init(accept: String?) {
        let accept = accept?.lowercased() ?? ""
        let others: [Self] = [.fhirLines, .fhir, .lines, .csv]
        self = others.first { accept.contains($0.media) } ?? .json
    }

    private var media: String {
        switch self {
        case .json: "application/json"
        case .lines: "application/x-ndjson"
        case .csv: "text/csv"
        case .fhir: "application/fhir+json"
        case .fhirLines: "application/fhir+ndjson"
        }
    }

    var contentType: String { self == .csv ? media + "; charset=utf-8" : media }

    /// What stands before the first entry.
    var head: [UInt8] {
        self == .csv ? CSV.line(Self.columns) : []
    }

    /// An entry as it is written out; a pruned one is an OperationOutcome in FHIR.
    func line(_ entry: StoredEntry) throws -> [UInt8] {
        switch self {
        case .csv: return try Self.row(entry)
        case .json, .lines: return entry.leaf + [UInt8(ascii: "\n")]
        case .fhir, .fhirLines:
            return try FHIRAuditEvent.json(of: entry) + [UInt8(ascii: "\n")]
        }
    }

    private static let columns = [
        "seq", "id", "at", "clinicId", "actorType", "actorId", "actorRoles", "apiKeyId", "action", "resourceType",
        "resourceId", "patientId", "outcome", "reason", "requestId", "sourceAddress", "sourceUserAgent", "count",
        "breakGlassId", "using",
    ]

    private static func row(_ entry: StoredEntry) throws -> [UInt8] {
        if entry.isPruned {
            let empty = [String](repeating: "", count: columns.count - 1)
            return CSV.line([String(entry.seq)] + empty)
        }
        let record = try JSONTape(entry.leaf).decode(AuditRecord.self)
        let cells: [String?] = [
            String(entry.seq), record.id.description, record.at.rfc3339, record.clinicId.description, record.actor.type,
            record.actor.id, record.actor.roles.joined(separator: " "), record.actor.apiKeyId, record.action,
            record.resource.type, record.resource.id, record.patientId?.description, record.outcome.rawValue,
            record.reason, record.requestId.description, record.source.address, record.source.userAgent,
            record.count.map { String($0) }, record.breakGlassId?.description,
            record.using,
        ]
        return CSV.line(cells.map { $0 ?? "" })
    }
}

import AccessAPI
import Contracts
import Core

/// How entries are written out.
enum AuditFormat: Sendable {
    case json
    /// A line each (NDJSON): the very bytes that were hashed.
    case lines
    case csv

    /// What a client's `Accept` asks for; JSON unless it names one of the others.
    init(accept: String?) {
        let accept = accept?.lowercased() ?? ""
        self = accept.contains("application/x-ndjson") ? .lines : accept.contains("text/csv") ? .csv : .json
    }

    var contentType: String {
        switch self {
        case .json: "application/json"
        case .lines: "application/x-ndjson"
        case .csv: "text/csv; charset=utf-8"
        }
    }

    /// What stands before the first entry.
    var head: [UInt8] {
        self == .csv ? Array((Self.columns.joined(separator: ",") + "\r\n").utf8) : []
    }

    func line(_ entry: StoredEntry) throws -> [UInt8] {
        self == .csv ? try Self.row(entry) : entry.leaf + [UInt8(ascii: "\n")]
    }

    private static let columns = [
        "seq", "id", "at", "clinicId", "actorType", "actorId", "actorRoles", "apiKeyId", "action", "resourceType",
        "resourceId", "patientId", "outcome", "reason", "requestId", "sourceAddress", "sourceUserAgent", "count",
    ]

    /// RFC 4180.
    ///
    /// A text that a spreadsheet would take for a formula gets an apostrophe before it.
    private static func row(_ entry: StoredEntry) throws -> [UInt8] {
        let record = try JSONTape(entry.leaf).decode(AuditRecord.self)
        let cells: [String?] = [
            String(entry.seq), record.id.description, record.at.rfc3339, record.clinicId.description, record.actor.type,
            record.actor.id, record.actor.roles.joined(separator: " "), record.actor.apiKeyId, record.action,
            record.resource.type, record.resource.id, record.patientId?.description, record.outcome.rawValue,
            record.reason, record.requestId.description, record.source.address, record.source.userAgent,
            record.count.map { String($0) },
        ]
        return Array((cells.map { cell($0 ?? "") }.joined(separator: ",") + "\r\n").utf8)
    }

    private static func cell(_ text: String) -> String {
        let isFormula = text.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
        let text = isFormula ? "'" + text : text
        let needsQuotes = text.utf8.contains { [UInt8(ascii: "\""), UInt8(ascii: ","), 10, 13].contains($0) }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}

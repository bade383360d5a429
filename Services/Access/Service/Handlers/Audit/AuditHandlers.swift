import AccessAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Reading the audit trail.
struct AuditHandlers: Sendable {
    /// Entries of one page of a streamed reply.
    static let pageEntries = 500
    /// How many places of the log one page of a filtered stream looks at, so that none takes long.
    static let pageSpan: Int64 = 50_000

    let parts: AccessParts

    init(_ parts: AccessParts) { self.parts = parts }

    func register(in table: inout HandlerTable) {
        table.stream(AuditEndpoints().entries) { try page($0, $1, $2, $3) }
    }

    private func page(
        _ query: AuditQuery,
        _ context: OperationContext,
        _ page: String?,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let format = AuditFormat(accept: context.accept)
        switch format {
        case .json, .fhir: return try list(query, format, context, tx)
        case .lines, .csv, .fhirLines: return try stream(query, format, context, page, tx)
        }
    }

    /// One page of JSON, with a cursor.
    private func list(
        _ query: AuditQuery,
        _ format: AuditFormat,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let filter = AuditFilter(query)
        let order = query.sort ?? .oldestFirst
        let list = "audit \(try filter.text()) \(order.rawValue)"
        let last = try parts.cursors.open(query.cursor, list: list, clinic: context.clinic)?.first.flatMap { Int64($0) }
        let limit = query.limit ?? Page<AuditEntry>.usualLimit
        let size = try AuditStore.size(of: context.clinic, in: tx)
        let found = try AuditEntryStore.page(
            filter,
            of: context.clinic,
            from: order == .oldestFirst ? last.map { $0 + 1 } ?? 0 : 0,
            to: order == .oldestFirst ? size : last ?? size,
            order: order,
            limit: limit + 1,
            in: tx
        )
        let shown = found.prefix(limit)
        var cursor: String?
        if found.count > limit, let entry = shown.last {
            cursor = parts.cursors.seal([String(entry.seq)], list: list, clinic: context.clinic)
        }
        return StreamPage(
            format == .fhir
                ? try FHIRAuditEvent.bundle(shown, next: try cursor.map { try link(query, $0) })
                : Self.page(shown, cursor),
            contentType: format.contentType,
            next: nil,
            headers: [("X-Audit-Size", String(size))]
        )
    }

    private static func page(_ shown: ArraySlice<StoredEntry>, _ cursor: String?) -> [UInt8] {
        var text = Array("{\"items\":[".utf8)
        for (index, entry) in shown.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += entry.leaf
        }
        return text + Array("],\"nextCursor\":\(cursor.map { JSONWriter.quoted($0) } ?? "null")}".utf8)
    }

    /// Where the next page of the same question is.
    private func link(_ query: AuditQuery, _ cursor: String) throws -> String {
        var query = query
        query.cursor = cursor
        guard case .object(let members) = try JSONTape(JSONWriter.encode(query)).decode(JSONValue.self) else {
            return ""
        }
        let pairs = members.sorted { $0.key < $1.key }.compactMap { name, value -> String? in
            switch value {
            case .string(let text): "\(name)=\(PercentCoding.encode(text))"
            case .integer(let number): "\(name)=\(number)"
            default: nil
            }
        }
        return "\(parts.publicURL)/api/v1/audit/entries?\(pairs.joined(separator: "&"))"
    }

    /// One page of everything: the size of the log is fixed by the first one.
    private func stream(
        _ query: AuditQuery,
        _ format: AuditFormat,
        _ context: OperationContext,
        _ page: String?,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        guard query.sort != .newestFirst else {
            throw Problem.invalid([.init(parameter: "sort", "is for pages of JSON; a stream has the order of the log")])
        }
        let filter = AuditFilter(query)
        let place: AuditPlace
        if let page {
            guard let read = AuditPlace(page) else { throw Problem.malformed("The page is not one that was given.") }
            place = read
        } else {
            let size = try AuditStore.size(of: context.clinic, in: tx)
            place = AuditPlace(
                seq: query.fromSeq ?? 0,
                size: min(size, query.toSeq.map { $0 == .max ? $0 : $0 + 1 } ?? size),
                log: size
            )
        }
        let end = filter.isEmpty ? place.size : min(place.size, place.seq.addingClamped(Self.pageSpan))
        let found = try AuditEntryStore.page(
            filter,
            of: context.clinic,
            from: place.seq,
            to: end,
            limit: Self.pageEntries,
            in: tx
        )
        var chunk: [UInt8] = page == nil ? format.head : []
        var next = found.count < Self.pageEntries ? end : place.seq
        for entry in found {
            let line = try format.line(entry)
            if !chunk.isEmpty, chunk.count + line.count > StreamPage.largestChunk {
                next = entry.seq
                break
            }
            chunk += line
            next = max(next, entry.seq + 1)
        }
        let isOver = next >= place.size
        return StreamPage(
            chunk,
            contentType: format.contentType,
            next: isOver ? nil : place.moved(to: next).text,
            headers: page == nil ? [("X-Audit-Size", String(place.log))] : []
        )
    }
}

/// Where a streamed export goes on.
struct AuditPlace: Hashable, Sendable {
    /// The next entry.
    var seq: Int64
    /// Where it ends.
    var size: Int64
    /// The size of the log when it began.
    var log: Int64

    init(seq: Int64, size: Int64, log: Int64) {
        self.seq = seq
        self.size = size
        self.log = log
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".").compactMap { Int64($0) }
        guard parts.count == 3, parts[0] >= 0 else { return nil }
        self.init(seq: parts[0], size: parts[1], log: parts[2])
    }

    var text: String { "\(seq).\(size).\(log)" }

    func moved(to seq: Int64) -> AuditPlace { AuditPlace(seq: seq, size: size, log: log) }
}

extension Int64 {
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}

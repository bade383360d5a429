import CommunicationAPI
import Contracts
import Core

/// Suppressions as CSV: what is given out can be taken in again.
enum SuppressionSheet {
    /// A row that can be taken in.
    struct Entry: Hashable, Sendable {
        var address: ChannelAddress
        var category: MessageCategory?
        var reason: SuppressionReason
        var expiresAt: Instant?
    }

    /// A row, and what it says or what is wrong with it.
    struct Line: Sendable {
        var number: Int
        var entry: Result<Entry, Fault>
    }

    /// What is wrong with a row.
    struct Fault: Error, Hashable {
        let detail: String
    }

    static let columns = [
        "channel", "address", "category", "reason", "source", "expiresAt", "createdAt", "createdBy", "id",
    ]
    private static let needed = ["channel", "address"]

    static func line(_ suppression: Suppression) -> [UInt8] {
        CSV.line([
            suppression.channel.rawValue, suppression.address ?? "", suppression.category?.rawValue ?? "",
            suppression.reason.rawValue, suppression.source, suppression.expiresAt?.rfc3339 ?? "",
            suppression.createdAt.rfc3339, suppression.createdBy, suppression.id.description,
        ])
    }

    /// Reads all rows; throws 422 when the whole is no such sheet.
    static func read(_ bytes: [UInt8], at now: Instant) throws(Problem) -> [Line] {
        var rows: [CSV.Row]
        do throws(CSV.Fault) {
            // The line of columns, and one row too many to tell that there are.
            rows = try CSV.rows(bytes, atMost: SuppressionImport.mostRows + 2)
        } catch {
            throw .invalid("", "line \(error.line) \(error.detail)")
        }
        guard !rows.isEmpty else { throw .invalid("", "must begin with a line that names its columns") }
        let head = rows.removeFirst().cells
        let isWhole =
            Set(head).isSuperset(of: needed) && Set(head).isSubset(of: columns) && Set(head).count == head.count
        guard isWhole else {
            throw .invalid(
                "",
                "must name channel and address in its first line, each column once, of: "
                    + columns.joined(separator: ", ")
            )
        }
        guard rows.count <= SuppressionImport.mostRows else {
            throw .invalid("", "must have at most \(SuppressionImport.mostRows) rows")
        }
        return rows.map { row in
            Line(number: row.line, entry: Result { () throws(Fault) in try entry(row.cells, of: head, at: now) })
        }
    }

    private static func entry(_ cells: [String], of head: [String], at now: Instant) throws(Fault) -> Entry {
        guard cells.count == head.count else {
            throw Fault(detail: "has \(cells.count) cells instead of \(head.count)")
        }
        let values = Dictionary(uniqueKeysWithValues: zip(head, cells)).filter { !$0.value.isEmpty }
        guard let channel = values["channel"].flatMap(MessageChannel.init(rawValue:)) else {
            throw Fault(detail: "channel \(oneOf(MessageChannel.self))")
        }
        guard let address = ChannelAddress(channel, values["address"] ?? "") else {
            throw Fault(detail: "address \(ChannelAddress.complaint(channel))")
        }
        let category = values["category"].map { MessageCategory(rawValue: $0) }
        if let category, category == nil { throw Fault(detail: "category \(oneOf(MessageCategory.self))") }
        let named = values["reason"].map { SuppressionReason(rawValue: $0) } ?? .manual
        guard let reason = named else { throw Fault(detail: "reason \(oneOf(SuppressionReason.self))") }
        let expiresAt = values["expiresAt"].map { Instant(rfc3339: $0) }
        if let expiresAt, expiresAt.map({ $0 <= now }) ?? true {
            throw Fault(detail: "expiresAt must be a time to come (RFC 3339)")
        }
        return Entry(address: address, category: category ?? nil, reason: reason, expiresAt: expiresAt ?? nil)
    }

    private static func oneOf<Value: CaseIterable & RawRepresentable<String>>(_: Value.Type) -> String {
        "must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))"
    }
}

import BillingAPI
import Core
import Postgres

/// The books: written once, read in order, never changed.
enum LedgerStore {
    /// Enters a posting.
    ///
    /// A fact that was entered before is a unique violation (`ledger_postings_once`).
    static func enter(_ posting: LedgerPosting, at now: Instant, in tx: borrowing Transaction) throws {
        let id = TypedID<LedgerPosting>(at: now)
        let source = posting.payment.map { $0.retagged(as: LedgerPosting.self) } ?? posting.invoice.retagged()
        tx.execute(
            """
            insert into ledger_postings (clinic_id, id, kind, source_id, at)
            values (\(try tx.clinic), \(id), \(posting.kind.rawValue), \(source), \(now))
            """
        )
        for (index, line) in posting.lines.enumerated() {
            tx.execute(
                """
                insert into ledger_entries (clinic_id, id, posting_id, line, account, amount, currency, invoice_id, payment_id)
                values (\(try tx.clinic), \(LedgerEntryID(at: now)), \(id), \(Int32(index + 1)), \(line.account.rawValue), \(line.amount),
                    \(posting.currency), \(posting.invoice), \(posting.payment))
                """
            )
        }
    }

    /// A page, after the entry with this place.
    static func list(
        _ request: LedgerListRequest,
        after place: LedgerPlace?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [(entry: LedgerEntry, place: LedgerPlace)] {
        var query: Query = """
            select e.id, p.id, p.kind, e.account, e.amount, e.currency, e.invoice_id, e.payment_id, p.at, e.line::integer
            from ledger_entries e join ledger_postings p on p.clinic_id = e.clinic_id and p.id = e.posting_id
            where e.clinic_id = \(try tx.clinic)
            """
        if let invoice = request.invoice { query += " and e.invoice_id = \(invoice)" }
        if let account = request.account { query += " and e.account = \(account.rawValue)" }
        switch request.sort ?? .oldestFirst {
        case .oldestFirst:
            if let place { query += " and (p.at, p.id, e.line) > (\(place.at), \(place.posting), \(place.line))" }
            query += " order by p.at, p.id, e.line limit \(count)"
        case .newestFirst:
            if let place { query += " and (p.at, p.id, e.line) < (\(place.at), \(place.posting), \(place.line))" }
            query += " order by p.at desc, p.id desc, e.line desc limit \(count)"
        }
        return try tx.rows(query).map { row in
            let amount: Int64 = try row[4]
            let posting: TypedID<LedgerPosting> = try row[1]
            let entry = LedgerEntry(
                id: try row[0],
                postingId: posting.description,
                kind: try row[2],
                account: try row[3],
                side: amount > 0 ? .debit : .credit,
                amount: Money(amount: Int64(amount.magnitude), currency: try row[5]),
                invoiceId: try row[6],
                paymentId: try row[7],
                at: try row[8]
            )
            return (entry, LedgerPlace(at: try row[8], posting: posting, line: try row[9]))
        }
    }

    static func trialBalance(in tx: borrowing Transaction) throws -> TrialBalance {
        let rows = try tx.rows(
            """
            select account, currency, coalesce(sum(amount) filter (where amount > 0), 0)::bigint,
                coalesce(-sum(amount) filter (where amount < 0), 0)::bigint
            from ledger_entries where clinic_id = \(try tx.clinic) group by currency, account order by currency, account
            """
        )
        var sums: [Currency: Int64] = [:]
        let items = try rows.map { row -> TrialBalance.Row in
            let currency: Currency = try row[1]
            let debit: Int64 = try row[2]
            let credit: Int64 = try row[3]
            sums[currency, default: 0] += debit - credit
            return TrialBalance.Row(
                account: try row[0],
                debit: Money(amount: debit, currency: currency),
                credit: Money(amount: credit, currency: currency),
                balance: Money(amount: debit - credit, currency: currency)
            )
        }
        return TrialBalance(items: items, balanced: sums.values.allSatisfy { $0 == 0 })
    }
}

/// Where an entry stands in the books.
struct LedgerPlace: Sendable {
    let at: Instant
    let posting: TypedID<LedgerPosting>
    let line: Int32

    init(at: Instant, posting: TypedID<LedgerPosting>, line: Int32) {
        self.at = at
        self.posting = posting
        self.line = line
    }

    init?(_ position: [String]?) {
        guard let position, position.count == 3, let microseconds = Int64(position[0]),
            let posting = TypedID<LedgerPosting>(position[1]), let line = Int32(position[2])
        else { return nil }
        self.init(at: Instant(microseconds: microseconds), posting: posting, line: line)
    }

    var position: [String] { [String(at.microseconds), posting.description, String(line)] }
}

extension LedgerAccount: Column {}
extension LedgerPostingKind: Column {}

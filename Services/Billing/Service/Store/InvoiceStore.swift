import BillingAPI
import Contracts
import Core
import Postgres

/// An invoice as it is stored.
struct StoredInvoice: Sendable {
    var version: Int64
    var doctor: DoctorID?
    var invoice: Invoice
}

/// Invoices and their numbers.
///
/// Row-level security keeps every statement to the transaction's clinic and scope.
enum InvoiceStore {
    static func find(_ id: InvoiceID, in tx: borrowing Transaction, isLocked: Bool = false) throws -> StoredInvoice? {
        let query: Query = "\(columns) where clinic_id = \(try tx.clinic) and id = \(id)"
        return try tx.rows(isLocked ? query + " for update" : query).first.map(read)
    }

    static func find(appointment: AppointmentID, in tx: borrowing Transaction) throws -> StoredInvoice? {
        let query: Query =
            "\(columns) where clinic_id = \(try tx.clinic) and appointment_id = \(appointment) for update"
        return try tx.rows(query).first.map(read)
    }

    /// A page, after the invoice with this place.
    static func list(
        _ request: InvoiceListRequest,
        after place: (at: Instant, id: InvoiceID)?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredInvoice] {
        var query: Query = "\(columns) where clinic_id = \(try tx.clinic)"
        if let status = request.status { query += " and status = \(status.rawValue)" }
        if let patient = request.patient { query += " and patient_id = \(patient)" }
        if let appointment = request.appointment { query += " and appointment_id = \(appointment)" }
        if let word = request.q {
            let (pattern, width) = (LikePattern.containing(word), Int32(InvoiceNumber.width))
            query += """
                 and (description ilike \(pattern) or 'INV-' || year || '-'
                    || lpad(sequence::text, greatest(\(width), length(sequence::text)), '0') ilike \(pattern))
                """
        }
        switch request.sort ?? .newestFirst {
        case .newestFirst:
            if let place { query += " and (issued_at, id) < (\(place.at), \(place.id))" }
            query += " order by issued_at desc, id desc limit \(count)"
        case .oldestFirst:
            if let place { query += " and (issued_at, id) > (\(place.at), \(place.id))" }
            query += " order by issued_at, id limit \(count)"
        }
        return try tx.rows(query).map(read)
    }

    /// All of the clinic's, for sending their present state again.
    static func all(after: InvoiceID?, limit: Int, in tx: borrowing Transaction) throws -> [StoredInvoice] {
        var query = "\(columns) where clinic_id = \(try tx.clinic)" as Query
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(read)
    }

    /// The next number of the year; it is used up only if the transaction commits.
    static func nextNumber(year: Int, in tx: borrowing Transaction) throws -> InvoiceNumber {
        let rows = try tx.rows(
            """
            insert into invoice_numbers as n (clinic_id, year, last) values (\(try tx.clinic), \(year), 1)
            on conflict (clinic_id, year) do update set last = n.last + 1 returning last
            """
        )
        guard let row = rows.first else { throw DatabaseError(.decoding, operation: "invoice number") }
        return InvoiceNumber(year: year, sequence: try row[0])
    }

    static func insert(_ stored: StoredInvoice, number: InvoiceNumber, in tx: borrowing Transaction) throws {
        let invoice = stored.invoice
        guard let line = invoice.lines.first else { throw DatabaseError(.checkViolation, operation: "invoice lines") }
        tx.execute(
            """
            insert into invoices (clinic_id, id, version, year, sequence, status, patient_id, appointment_id, location_id,
                doctor_id, service_id, description, currency, total, issued_at, updated_at)
            values (\(try tx.clinic), \(invoice.id), \(stored.version), \(number.year), \(number.sequence),
                \(invoice.status.rawValue), \(invoice.patientId), \(invoice.appointmentId), \(invoice.locationId),
                \(stored.doctor), \(line.serviceId), \(line.description), \(invoice.total.currency),
                \(invoice.total.amount), \(invoice.issuedAt), \(invoice.updatedAt))
            """
        )
    }

    /// Writes what may change of an invoice.
    static func update(_ stored: StoredInvoice, in tx: borrowing Transaction) throws {
        let invoice = stored.invoice
        tx.execute(
            """
            update invoices set version = \(stored.version), status = \(invoice.status.rawValue), paid = \(invoice.paid.amount),
                paid_at = \(invoice.paidAt), voided_at = \(invoice.voidedAt), updated_at = \(invoice.updatedAt)
            where clinic_id = \(try tx.clinic) and id = \(invoice.id)
            """
        )
    }

    private static let columns: Query = """
        select id, version, year, sequence, status, patient_id, appointment_id, location_id, doctor_id, service_id,
            description, currency, total, paid, issued_at, paid_at, voided_at, updated_at from invoices
        """

    private static func read(_ row: Row) throws -> StoredInvoice {
        let currency: Currency = try row[11]
        let total: Int64 = try row[12]
        let paid: Int64 = try row[13]
        let status: InvoiceStatus = try row[4]
        let issuedAt: Instant = try row[14]
        let invoice = Invoice(
            id: try row[0],
            number: InvoiceNumber(year: try row[2], sequence: try row[3]).description,
            status: status,
            patientId: try row[5],
            appointmentId: try row[6],
            locationId: try row[7],
            lines: [
                InvoiceLine(
                    description: try row[10],
                    serviceId: try row[9],
                    amount: Money(amount: total, currency: currency)
                )
            ],
            total: Money(amount: total, currency: currency),
            paid: Money(amount: paid, currency: currency),
            due: Money(amount: status == .void ? 0 : total - paid, currency: currency),
            issuedAt: issuedAt,
            paidAt: try row[15],
            voidedAt: try row[16],
            createdAt: issuedAt,
            updatedAt: try row[17]
        )
        return StoredInvoice(version: try row[1], doctor: try row[8], invoice: invoice)
    }
}

extension InvoiceStatus: Column {}

extension Transaction {
    /// The clinic that the transaction was opened for.
    var clinic: ClinicID {
        get throws(DatabaseError) {
            guard let clinic = tenant?.clinic else { throw DatabaseError(.insufficientPrivilege) }
            return clinic
        }
    }
}

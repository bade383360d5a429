import BillingAPI
import Contracts
import Core
import Postgres

/// A payment as it is stored.
///
/// What its payer confirms with is sealed.
struct StoredPayment: Sendable {
    let id: PaymentID
    var version: Int64
    let invoice: InvoiceID
    let patient: PatientID
    let location: LocationID?
    let doctor: DoctorID?
    var status: PaymentStatus
    let provider: String
    /// The account that makes it, as it was at this version of the configuration.
    let entry: ProviderEntryID
    let configVersion: Int64
    let amount: Money
    let returnURL: String?
    var providerPaymentID: String?
    var sealedSecret: [UInt8]?
    var publishableKey: String?
    var reason: String?
    let createdAt: Instant
    var updatedAt: Instant
}

/// Payments and the notices about them.
enum PaymentStore {
    static func find(_ id: PaymentID, in tx: borrowing Transaction, isLocked: Bool = false) throws -> StoredPayment? {
        let query: Query = "\(columns) where clinic_id = \(try tx.clinic) and id = \(id)"
        return try tx.rows(isLocked ? query + " for update" : query).first.map(read)
    }

    static func find(
        provider: String,
        providerPaymentID: String,
        in tx: borrowing Transaction
    ) throws -> StoredPayment? {
        try tx.rows(
            """
            \(columns) where clinic_id = \(try tx.clinic) and provider = \(provider)
                and provider_payment_id = \(providerPaymentID)
            """
        ).first.map(read)
    }

    /// The invoice's attempt that is not over yet.
    static func underWay(of invoice: InvoiceID, in tx: borrowing Transaction) throws -> StoredPayment? {
        try tx.rows(
            """
            \(columns) where clinic_id = \(try tx.clinic) and invoice_id = \(invoice)
                and status in ('created', 'pending', 'processing')
            """
        ).first.map(read)
    }

    static func list(
        _ request: PaymentListRequest,
        after place: (at: Instant, id: PaymentID)?,
        count: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredPayment] {
        var query: Query = "\(columns) where clinic_id = \(try tx.clinic)"
        if let invoice = request.invoice { query += " and invoice_id = \(invoice)" }
        if let status = request.status { query += " and status = \(status.rawValue)" }
        switch request.sort ?? .newestFirst {
        case .newestFirst:
            if let place { query += " and (created_at, id) < (\(place.at), \(place.id))" }
            query += " order by created_at desc, id desc limit \(count)"
        case .oldestFirst:
            if let place { query += " and (created_at, id) > (\(place.at), \(place.id))" }
            query += " order by created_at, id limit \(count)"
        }
        return try tx.rows(query).map(read)
    }

    static func all(after: PaymentID?, limit: Int, in tx: borrowing Transaction) throws -> [StoredPayment] {
        var query = "\(columns) where clinic_id = \(try tx.clinic)" as Query
        if let after { query += " and id > \(after)" }
        query += " order by id limit \(limit)"
        return try tx.rows(query).map(read)
    }

    /// Notes the intent to pay; `false` when another attempt for the invoice is under way.
    static func insert(_ payment: StoredPayment, in tx: borrowing Transaction) throws -> Bool {
        try tx.rows(
            """
            insert into payments (clinic_id, id, version, invoice_id, patient_id, location_id, doctor_id, status, provider,
                entry_id, config_version, amount, currency, return_url, created_at, updated_at)
            values (\(try tx.clinic), \(payment.id), \(payment.version), \(payment.invoice), \(payment.patient),
                \(payment.location), \(payment.doctor), \(payment.status.rawValue), \(payment.provider), \(payment.entry),
                \(payment.configVersion), \(payment.amount.amount), \(payment.amount.currency), \(payment.returnURL),
                \(payment.createdAt), \(payment.updatedAt))
            on conflict (clinic_id, invoice_id) where status in ('created', 'pending', 'processing') do nothing
            """
        ).affected == 1
    }

    /// Writes what may change of a payment.
    static func update(_ payment: StoredPayment, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            update payments set version = \(payment.version), status = \(payment.status.rawValue),
                provider_payment_id = \(payment.providerPaymentID), sealed_secret = \(payment.sealedSecret),
                publishable_key = \(payment.publishableKey), reason = \(payment.reason),
                updated_at = \(payment.updatedAt)
            where clinic_id = \(try tx.clinic) and id = \(payment.id)
            """
        )
    }

    /// Keeps a notice; `false` when it was here before.
    static func insert(
        _ notice: ProviderNotice,
        provider: String,
        entry: ProviderEntryID,
        providerPaymentID: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        try tx.rows(
            """
            insert into payment_notices (clinic_id, provider, entry_id, event_id, kind, provider_payment_id, payment_id,
                received_at)
            values (\(try tx.clinic), \(provider), \(entry), \(notice.eventID), \(notice.kind), \(providerPaymentID),
                \(notice.paymentID), \(now))
            on conflict do nothing
            """
        ).affected == 1
    }

    private static let columns: Query = """
        select id, version, invoice_id, patient_id, location_id, doctor_id, status, provider, entry_id, config_version,
            amount, currency, return_url, provider_payment_id, sealed_secret, publishable_key, reason, created_at, updated_at
        from payments
        """

    private static func read(_ row: Row) throws -> StoredPayment {
        StoredPayment(
            id: try row[0],
            version: try row[1],
            invoice: try row[2],
            patient: try row[3],
            location: try row[4],
            doctor: try row[5],
            status: try row[6],
            provider: try row[7],
            entry: try row[8],
            configVersion: try row[9],
            amount: Money(amount: try row[10], currency: try row[11]),
            returnURL: try row[12],
            providerPaymentID: try row[13],
            sealedSecret: try row[14],
            publishableKey: try row[15],
            reason: try row[16],
            createdAt: try row[17],
            updatedAt: try row[18]
        )
    }
}

extension PaymentStatus: Column {}

package import Contracts
package import Core

/// What becomes of an invoice.
package enum InvoiceStatus: String, Hashable, Sendable, Codable, CaseIterable {
    /// To be paid.
    case open
    case paid
    /// Not owed any more; its number stays.
    case void
}

/// What a patient owes for one visit.
///
/// Its amounts never change.
package struct Invoice: Wire, Hashable {
    package var id: InvoiceID
    /// Gap-free per clinic and year: `INV-2026-000001`.
    package var number: String
    package var status: InvoiceStatus
    package var patientId: PatientID
    package var appointmentId: AppointmentID
    package var locationId: LocationID?
    package var lines: [InvoiceLine]
    package var total: Money
    package var paid: Money
    package var due: Money
    package var issuedAt: Instant
    package var paidAt: Instant?
    package var voidedAt: Instant?
    package var createdAt: Instant
    package var updatedAt: Instant

    package init(
        id: InvoiceID,
        number: String,
        status: InvoiceStatus,
        patientId: PatientID,
        appointmentId: AppointmentID,
        locationId: LocationID?,
        lines: [InvoiceLine],
        total: Money,
        paid: Money,
        due: Money,
        issuedAt: Instant,
        paidAt: Instant?,
        voidedAt: Instant?,
        createdAt: Instant,
        updatedAt: Instant
    ) {
        self.id = id
        self.number = number
        self.status = status
        self.patientId = patientId
        self.appointmentId = appointmentId
        self.locationId = locationId
        self.lines = lines
        self.total = total
        self.paid = paid
        self.due = due
        self.issuedAt = issuedAt
        self.paidAt = paidAt
        self.voidedAt = voidedAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

/// One thing an invoice charges for.
package struct InvoiceLine: Wire, Hashable {
    package var description: String
    package var serviceId: VisitTypeID?
    package var amount: Money

    package init(description: String, serviceId: VisitTypeID?, amount: Money) {
        self.description = description
        self.serviceId = serviceId
        self.amount = amount
    }
}

/// Names an invoice.
package struct InvoicePath: Wire {
    package var id: InvoiceID

    package init(id: InvoiceID) { self.id = id }
}

/// A page of the invoices within the caller's reach, newest first unless said otherwise.
package struct InvoiceListRequest: Wire {
    package static let longestCursor = 1_000
    package static let longestWord = 100

    /// Part of the number, or of the description.
    package var q: String?
    package var status: InvoiceStatus?
    package var patient: PatientID?
    package var appointment: AppointmentID?
    package var sort: TimeOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        q: String? = nil,
        status: InvoiceStatus? = nil,
        patient: PatientID? = nil,
        appointment: AppointmentID? = nil,
        sort: TimeOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.q = q
        self.status = status
        self.patient = patient
        self.appointment = appointment
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.q, 1...longestWord),
            .describe(CodingKeys.q, "Part of the number, or of the description."),
            .describe(CodingKeys.sort, "-createdAt, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...longestCursor),
        ]
    }
}

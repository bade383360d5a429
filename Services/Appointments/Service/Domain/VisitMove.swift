import AppointmentsAPI
import Core

/// What can be done with a visit after it is booked.
enum VisitMove: Sendable, CaseIterable {
    case confirm, reschedule, cancel

    /// From which status to which; from others it cannot be done.
    private static let table: [VisitMove: [AppointmentStatus: AppointmentStatus]] = [
        .confirm: [.approved: .confirmed, .confirmed: .confirmed],
        .reschedule: [.pending: .pending, .approved: .approved, .confirmed: .confirmed],
        .cancel: [.pending: .cancelled, .approved: .cancelled, .confirmed: .cancelled],
    ]

    /// The status that follows; `nil` where it cannot be done.
    func status(after status: AppointmentStatus) -> AppointmentStatus? { Self.table[self]?[status] }

    /// Why it cannot be done with a visit now; `nil` when it can.
    ///
    /// All of it can be done until the visit begins.
    func refusal(of visit: Appointment, at now: Instant) -> VisitRefusal? {
        if visit.status == .cancelled { return .cancelled }
        if visit.start <= now || !AppointmentStatus.upcoming.contains(visit.status) { return .begun }
        return status(after: visit.status) == nil ? .notApproved : nil
    }
}

/// Why something cannot be done with a visit.
enum VisitRefusal: Error, Sendable, Equatable {
    case cancelled
    /// It has begun, or is over.
    case begun
    case notApproved

    var detail: String {
        switch self {
        case .cancelled: "The visit is called off already."
        case .begun: "The visit has begun, or is over."
        case .notApproved: "The clinic has not approved the visit yet."
        }
    }
}

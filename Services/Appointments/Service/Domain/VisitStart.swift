import AppointmentsAPI
import Contracts
import Core

/// When a visit can begin, whether it is booked or moved.
enum VisitStart {
    /// The last moment, in years of 366 days: no date of the last year is refused.
    static func latest(at now: Instant) -> Instant { now + .seconds(Appointment.mostYearsAhead * 366 * 86_400) }

    /// Why a visit cannot begin then, as faults of `/start`; none when it can.
    static func faults(of start: Instant, at now: Instant) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if start < now { faults.append(.init(pointer: "/start", "lies in the past")) }
        if start > latest(at: now) {
            faults.append(
                .init(pointer: "/start", "must not be more than \(Appointment.mostYearsAhead) years ahead")
            )
        }
        if start.microseconds % 60_000_000 != 0 {
            faults.append(.init(pointer: "/start", "must be a whole minute"))
        }
        return faults
    }
}

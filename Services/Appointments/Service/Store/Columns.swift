import AppointmentsAPI
import Postgres

extension VisitKind: Column {}
extension AppointmentStatus: Column {}

/// An aggregate with the count of its changes.
struct Versioned<Value: Sendable>: Sendable {
    var value: Value
    var version: Int64
}

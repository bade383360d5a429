import AppointmentsAPI
import Core

/// Whose record is whose account, told by an address that was proved.
enum MatchRule {
    /// The record to be tied: the only one with the address, nobody's yet, and of the same date of birth where one was given.
    ///
    /// Families share addresses: where two records have it, neither is tied, and staff decides.
    ///
    /// - Parameter records: all of the clinic's with the address, those of others too.
    static func match(_ records: [Patient], birthDate: CalendarDate?) -> Patient? {
        guard records.count == 1, let record = records.first, record.userId == nil else { return nil }
        if let birthDate, record.birthDate != birthDate { return nil }
        return record
    }
}

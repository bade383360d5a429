import AppointmentsAPI
import Core

/// Whose record is whose account, told by an address that was proved.
enum MatchRule {
    /// What was proved.
    enum Address: Hashable, Sendable {
        case email(EmailAddress)
        case phone(PhoneNumber)
    }

    /// The record to be tied: the only one with the address, nobody's yet, and of the same date of birth where one was given.
    ///
    /// Families share addresses and numbers: where two records have it, neither is tied, and staff decides. A number may
    /// have been somebody else's before, so it ties nobody without the date.
    ///
    /// - Parameter records: all of the clinic's with the address, those of others too.
    static func match(_ records: [Patient], by address: Address, birthDate: CalendarDate?) -> Patient? {
        guard records.count == 1, let record = records.first, record.userId == nil else { return nil }
        guard let birthDate else { if case .email = address { return record } else { return nil } }
        return record.birthDate == birthDate ? record : nil
    }
}

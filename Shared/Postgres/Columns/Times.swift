package import Core

/// PostgreSQL counts from 2000-01-01.
private let epochDays = 10_957
private let epochMicroseconds: Int64 = 946_684_800_000_000

extension Instant: Column {
    package static var parameterType: TypeOID { .timestamptz }
    package func write(into bytes: inout [UInt8]) -> Bool {
        (microseconds - epochMicroseconds).append(to: &bytes)
        return true
    }
    /// Infinite timestamps have no instant and are refused.
    package static func read(_ cell: Cell) throws(DatabaseError) -> Instant {
        try cell.require(.timestamptz)
        let value = try cell.fixed(Int64.self)
        guard value != .max, value != .min else { throw cell.mismatch("a finite timestamp") }
        return Instant(microseconds: value + epochMicroseconds)
    }
}

extension CalendarDate: Column {
    package static var parameterType: TypeOID { .date }
    package func write(into bytes: inout [UInt8]) -> Bool {
        Int32(daysSince1970 - epochDays).append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> CalendarDate {
        try cell.require(.date)
        let value = try cell.fixed(Int32.self)
        guard value != .max, value != .min else { throw cell.mismatch("a finite date") }
        return CalendarDate(daysSince1970: Int(value) + epochDays)
    }
}

extension Bool: Column {
    package static var parameterType: TypeOID { .bool }
    package func write(into bytes: inout [UInt8]) -> Bool {
        bytes.append(self ? 1 : 0)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Bool {
        try cell.require(.bool)
        return try cell.fixed(UInt8.self) != 0
    }
}

extension Cell {
    /// An integer column of any width.
    ///
    /// Sums of `bigint` are `numeric`: cast them in the statement.
    fileprivate func integer() throws(DatabaseError) -> Int64 {
        switch type {
        case .int8: try fixed(Int64.self)
        case .int4: Int64(try fixed(Int32.self))
        case .int2: Int64(try fixed(Int16.self))
        default: throw mismatch("an integer")
        }
    }
}

extension Int64: Column {
    package static var parameterType: TypeOID { .int8 }
    package func write(into bytes: inout [UInt8]) -> Bool {
        append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Int64 { try cell.integer() }
}

extension Int: Column {
    package static var parameterType: TypeOID { .int8 }
    package func write(into bytes: inout [UInt8]) -> Bool {
        Int64(self).append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Int { Int(try cell.integer()) }
}

extension Int32: Column {
    package static var parameterType: TypeOID { .int4 }
    package func write(into bytes: inout [UInt8]) -> Bool {
        append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Int32 {
        guard let value = Int32(exactly: try cell.integer()) else { throw cell.mismatch("Int32") }
        return value
    }
}

extension Double: Column {
    package static var parameterType: TypeOID { .float8 }
    package func write(into bytes: inout [UInt8]) -> Bool {
        bitPattern.append(to: &bytes)
        return true
    }
    package static func read(_ cell: Cell) throws(DatabaseError) -> Double {
        switch cell.type {
        case .float8: Double(bitPattern: try cell.fixed(UInt64.self))
        case .float4: Double(Float(bitPattern: try cell.fixed(UInt32.self)))
        default: throw cell.mismatch("a floating-point number")
        }
    }
}

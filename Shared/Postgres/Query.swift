/// A statement whose text comes from literals alone; every interpolated value becomes a bound parameter.
///
///     let query: Query = "select name from doctors where clinic_id = \(clinic) and id = \(id)"
///
/// A `String` cannot become SQL text: only literals do (`StaticString`), other queries, and checked schema names.
package struct Query: Sendable, ExpressibleByStringInterpolation {
    /// SQL text around the parameters: one piece more than there are parameters.
    private(set) var pieces: [String]
    private(set) var parameters: Parameters

    package init(stringLiteral value: StaticString) {
        pieces = [value.description]
        parameters = Parameters()
    }

    package init(stringInterpolation: StringInterpolation) { self = stringInterpolation.query }

    private init() {
        pieces = [""]
        parameters = Parameters()
    }

    /// The queries one behind the other with `separator` between them.
    package init(joined queries: [Query], by separator: StaticString) {
        self.init()
        for (index, query) in queries.enumerated() {
            if index > 0 { pieces[pieces.count - 1] += separator.description }
            append(query)
        }
    }

    package mutating func append(_ other: Query) {
        pieces[pieces.count - 1] += other.pieces[0]
        pieces.append(contentsOf: other.pieces.dropFirst())
        parameters.append(other.parameters)
    }

    package static func + (left: Query, right: Query) -> Query {
        var sum = left
        sum.append(right)
        return sum
    }

    package static func += (left: inout Query, right: Query) { left.append(right) }

    /// The text with `$1`, `$2`, … where the parameters stand.
    package var sql: String {
        var text = pieces[0]
        for index in 1..<max(pieces.count, 1) {
            text += "$"
            text += String(index)
            text += pieces[index]
        }
        return text
    }

    /// Collects the literal pieces and binds the values between them.
    package struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var query = Query()

        package init(literalCapacity: Int, interpolationCount: Int) {
            query.pieces.reserveCapacity(interpolationCount + 1)
        }

        package mutating func appendLiteral(_ literal: StaticString) {
            query.pieces[query.pieces.count - 1] += literal.description
        }

        package mutating func appendInterpolation<Value: Column>(_ value: Value) {
            query.parameters.append(value)
            query.pieces.append("")
        }

        package mutating func appendInterpolation<Value: Column>(_ value: Value?) {
            query.parameters.append(value)
            query.pieces.append("")
        }

        /// A value of an enum or newtype over a column type, without a conformance of its own.
        package mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value)
        where Value.RawValue: Column {
            query.parameters.append(value.rawValue)
            query.pieces.append("")
        }

        /// Another query, its parameters included.
        package mutating func appendInterpolation(_ part: Query) { query.append(part) }

        /// A schema's name as SQL text.
        package mutating func appendInterpolation(schema: SchemaName) {
            query.pieces[query.pieces.count - 1] += schema.name
        }
    }
}

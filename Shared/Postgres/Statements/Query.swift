/// A statement whose text comes from literals alone; every interpolated value becomes a bound parameter.
///
///     let query: Query = "select name from doctors where clinic_id = \(clinic) and id = \(id)"
///
/// A `String` cannot become SQL text: only literals do (`StaticString`), other queries, and checked schema names. The text
/// is put together only when a connection meets the statement for the first time.
package struct Query: Sendable, ExpressibleByStringInterpolation {
    private(set) var shape = Shape()
    private(set) var parameters = Parameters()

    package init(stringLiteral value: StaticString) { shape.append(.literal(value)) }

    package init(stringInterpolation: StringInterpolation) { self = stringInterpolation.query }

    private init() {}

    /// The queries one behind the other with `separator` between them.
    package init(joined queries: [Query], by separator: StaticString) {
        for (index, query) in queries.enumerated() {
            if index > 0 { shape.append(.literal(separator)) }
            append(query)
        }
    }

    package mutating func append(_ other: Query) {
        shape.append(other.shape)
        parameters.append(other.parameters)
    }

    package static func + (left: Query, right: Query) -> Query {
        var sum = left
        sum.append(right)
        return sum
    }

    package static func += (left: inout Query, right: Query) { left.append(right) }

    /// The text with `$1`, `$2`, … where the parameters stand.
    package var sql: String { shape.sql }

    private mutating func bind<Value: Column>(_ value: Value) {
        parameters.append(value)
        shape.append(.parameter(Value.parameterType))
    }

    /// Collects the literal pieces and binds the values between them.
    package struct StringInterpolation: StringInterpolationProtocol, Sendable {
        fileprivate var query = Query()

        package init(literalCapacity: Int, interpolationCount: Int) {
            query.shape.reserve(2 * interpolationCount + 1)
        }

        package mutating func appendLiteral(_ literal: StaticString) { query.shape.append(.literal(literal)) }

        package mutating func appendInterpolation<Value: Column>(_ value: Value) { query.bind(value) }

        package mutating func appendInterpolation<Value: Column>(_ value: Value?) { query.bind(value) }

        /// A value of an enum or newtype over a column type, without a conformance of its own.
        package mutating func appendInterpolation<Value: RawRepresentable>(_ value: Value)
        where Value.RawValue: Column {
            query.bind(value.rawValue)
        }

        /// Another query, its parameters included.
        package mutating func appendInterpolation(_ part: Query) { query.append(part) }

        /// A schema's name as SQL text.
        package mutating func appendInterpolation(schema: SchemaName) { query.shape.append(.name(schema.name)) }
    }
}

extension Query {
    /// What makes a statement the same as another: its pieces of text and the types of its parameters.
    ///
    /// Literals are told apart by where they stand in the program, so that asking costs no more than a few words each; the
    /// same text written twice is two statements.
    struct Shape: Sendable, Hashable {
        enum Token: Sendable {
            case literal(StaticString)
            case name(String)
            case parameter(TypeOID)
        }

        private var tokens: [Token] = []
        private var digest: UInt64 = 0xcbf2_9ce4_8422_2325

        mutating func reserve(_ count: Int) { tokens.reserveCapacity(count) }

        mutating func append(_ token: Token) {
            tokens.append(token)
            digest = (digest ^ token.mark) &* 0x0000_0100_0000_01b3
        }

        mutating func append(_ other: Shape) { for token in other.tokens { append(token) } }

        /// The types of the parameters, in order.
        var types: [TypeOID] { tokens.compactMap { if case .parameter(let type) = $0 { type } else { nil } } }

        var sql: String {
            var text = ""
            var count = 0
            for token in tokens {
                switch token {
                case .literal(let literal): text += literal.description
                case .name(let name): text += name
                case .parameter:
                    count += 1
                    text += "$\(count)"
                }
            }
            return text
        }

        static func == (left: Shape, right: Shape) -> Bool {
            left.digest == right.digest && left.tokens.elementsEqual(right.tokens) { $0.isSame(as: $1) }
        }

        func hash(into hasher: inout Hasher) { hasher.combine(digest) }
    }
}

extension Query.Shape.Token {
    fileprivate var mark: UInt64 {
        switch self {
        case .literal(let literal): literal.place &* 0x9E37_79B9_7F4A_7C15
        case .name(let name): UInt64(truncatingIfNeeded: name.utf8.count) &+ 1 << 33
        case .parameter(let type): UInt64(type.rawValue) &+ 1 << 32
        }
    }

    fileprivate func isSame(as other: Self) -> Bool {
        switch (self, other) {
        case (.literal(let left), .literal(let right)): left.place == right.place
        case (.name(let left), .name(let right)): left == right
        case (.parameter(let left), .parameter(let right)): left == right
        default: false
        }
    }
}

extension StaticString {
    /// Where the text stands in the program; a single scalar is its own place.
    fileprivate var place: UInt64 {
        unsafe hasPointerRepresentation ? UInt64(UInt(bitPattern: utf8Start)) : UInt64(unicodeScalar.value)
    }
}

/// What a member's type does not say by itself: bounds, an example, a description.
package struct Limit: Sendable {
    enum Rule: Sendable {
        case length(ClosedRange<Int>)
        case elementLength(ClosedRange<Int>)
        case count(ClosedRange<Int>)
        case range(ClosedRange<Int64>)
        case example(String)
        case describe(String)
        case secret
    }

    let key: String
    let rule: Rule

    private init(_ key: some CodingKey, _ rule: Rule) {
        self.key = key.stringValue
        self.rule = rule
    }

    /// Characters (Unicode scalars) of a text.
    package static func length(_ key: some CodingKey, _ bounds: ClosedRange<Int>) -> Limit {
        Limit(key, .length(bounds))
    }
    /// Characters of every text of a list.
    package static func elementLength(_ key: some CodingKey, _ bounds: ClosedRange<Int>) -> Limit {
        Limit(key, .elementLength(bounds))
    }
    /// Elements of a list or members of a map.
    package static func count(_ key: some CodingKey, _ bounds: ClosedRange<Int>) -> Limit { Limit(key, .count(bounds)) }
    /// Values of a number.
    package static func range(_ key: some CodingKey, _ bounds: ClosedRange<Int64>) -> Limit {
        Limit(key, .range(bounds))
    }
    /// A value for the documentation.
    package static func example(_ key: some CodingKey, _ text: String) -> Limit {
        Limit(key, .example(JSONWriter.quoted(text)))
    }
    package static func example(_ key: some CodingKey, _ number: Int) -> Limit { Limit(key, .example(String(number))) }
    package static func describe(_ key: some CodingKey, _ text: String) -> Limit { Limit(key, .describe(text)) }
    /// Taken, never given back in the clear.
    package static func secret(_ key: some CodingKey) -> Limit { Limit(key, .secret) }
}

/// A type that crosses the wire.
///
/// Its schema is derived from its `Codable` conformance; only limits are written down.
package protocol Wire: Codable, Sendable {
    /// Bounds, examples and descriptions of single members.
    static var limits: [Limit] { get }
}

extension Wire {
    package static var limits: [Limit] { [] }
}

/// A type with one wire form of its own: an identifier, an instant, an amount.
package protocol Documented: Codable, Sendable {
    static var schema: Schema { get }
    /// Any value; stands in while an enclosing type is being described.
    static var placeholder: Self { get }
}

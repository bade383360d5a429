/// A value that never shows itself: printing, logging or interpolating it gives `••••`.
package struct Redacted<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package let unredacted: Value

    package init(_ value: Value) { unredacted = value }

    package var description: String { "••••" }
    package var debugDescription: String { "••••" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Redacted: Equatable where Value: Equatable {}

/// A secret text: a token, a password, a key.
package typealias Secret = Redacted<String>

package import Core

/// When failed tries shut an account for a while.
///
/// What the caller sees is the same as for a wrong password.
package enum Lockout {
    /// Failed tries in a row that shut it.
    package static let failures = 10
    package static let lasting: Duration = .seconds(15 * 60)

    /// Until when an account is shut after its `count`th failed try in a row; `nil` while it stays open.
    package static func until(after count: Int, at now: Instant) -> Instant? {
        count >= failures ? now + lasting : nil
    }
}

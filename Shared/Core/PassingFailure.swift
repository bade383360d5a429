/// An error that knows whether its cause lies outside the work and will pass, and what may be logged of it.
package protocol PassingFailure: Error {
    /// A lost server, a full pool, a lock not got in time: nothing is wrong with the work itself.
    var isPassing: Bool { get }
    /// Codes and names of our own; never a value.
    var logDescription: String { get }
}

extension Problem: PassingFailure {
    package var isPassing: Bool { retryable }
    package var logDescription: String { code }
}

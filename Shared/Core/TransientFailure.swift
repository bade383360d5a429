/// An error that knows whether its cause lies outside the work and will pass, and what may be logged of it.
package protocol TransientFailure: Error {
    /// A lost server, a full pool, a lock not got in time: nothing is wrong with the work itself.
    var isTransient: Bool { get }
    /// Codes and names of our own; never a value.
    var logDescription: String { get }
}

extension Problem: TransientFailure {
    package var isTransient: Bool { retryable }
    package var logDescription: String { code }
}

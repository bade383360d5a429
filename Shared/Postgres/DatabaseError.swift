import Core

/// What went wrong in the database, without a word of what the server said: its texts carry values of rows.
package struct DatabaseError: Error, Hashable, Sendable {
    package enum Code: Hashable, Sendable {
        case uniqueViolation, exclusionViolation, foreignKeyViolation, checkViolation, notNullViolation
        /// Row-level security or a missing grant.
        case insufficientPrivilege
        /// Another transaction was in the way; the same transaction may succeed when it is run again.
        case serialization
        /// Two transactions waited for each other: a defect, not something to retry.
        case deadlock
        case lockTimeout, statementTimeout
        /// Waited too long for a connection, or too many were waiting already.
        case poolExhausted
        /// No connection, or lost before the commit was sent: nothing has happened.
        case connectionLost
        /// Lost after the commit was sent: it has happened or it has not.
        case commitUnknown
        /// The caller's task was cancelled; nothing was committed.
        case cancelled
        /// U+0000 or text that is not UTF-8.
        case invalidText
        /// A column is not of the type it was read as; `operation` says which.
        case decoding
        /// The body swallowed a failed statement and returned; nothing was committed.
        case notCommitted
        /// A statement after `last`.
        case transactionOver
        case other(sqlState: String)
    }

    package let code: Code
    /// The violated constraint's name.
    package let constraint: String?
    /// The operation of ours that ran: a function's name.
    package let operation: String?

    package init(_ code: Code, constraint: String? = nil, operation: String? = nil) {
        self.code = code
        self.constraint = constraint
        self.operation = operation
    }

    func during(_ name: String) -> DatabaseError {
        DatabaseError(code, constraint: constraint, operation: operation ?? name)
    }
}

extension DatabaseError: CustomStringConvertible {
    package var description: String {
        var text = "database error \(code)"
        if let constraint { text += " (\(constraint))" }
        if let operation { text += " in \(operation)" }
        return text
    }
}

extension DatabaseError.Code {
    /// The meaning of an SQLSTATE (PostgreSQL documentation, appendix A).
    package init(sqlState: String) {
        self =
            switch sqlState {
            case "23505": .uniqueViolation
            case "23P01": .exclusionViolation
            case "23503": .foreignKeyViolation
            case "23514": .checkViolation
            case "23502": .notNullViolation
            case "42501": .insufficientPrivilege
            case "40001": .serialization
            case "40P01": .deadlock
            case "55P03": .lockTimeout
            case "57014": .statementTimeout
            case "22021", "22P05": .invalidText
            case "57P01", "57P02", "57P03", "57P05", "25P03", "53300": .connectionLost
            case let state where state.hasPrefix("08"): .connectionLost
            default: .other(sqlState: sqlState)
            }
    }

    /// A prepared statement that no longer fits the tables, or that the connection does not know.
    var isStalePlan: Bool { self == .other(sqlState: "0A000") || self == .other(sqlState: "26000") }
}

extension DatabaseError: TransientFailure {
    /// Whether the same transaction may succeed later as it is, or has perhaps happened: after a commit whose outcome is not
    /// known, who has an inbox or an idempotency key may simply try again.
    package var isTransient: Bool {
        switch code {
        case .serialization, .lockTimeout, .statementTimeout, .poolExhausted, .connectionLost: true
        case .commitUnknown, .cancelled: true
        default: false
        }
    }

    package var logDescription: String { description }
}

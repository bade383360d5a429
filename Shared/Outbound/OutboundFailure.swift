/// Why there is no answer, told apart by the one thing that matters: whether the request may have arrived.
package enum OutboundFailure: Error, Equatable {
    package enum NotSent: String, Sendable, Equatable {
        case dns, connect, tls, policy, cancelled, busy, deadline
    }

    package enum Lost: String, Sendable, Equatable {
        case deadline, closed, cancelled
        /// An answer came, larger than was asked for.
        case tooLarge = "too_large"
    }

    /// Nothing of the request has reached the other side.
    case notSent(NotSent)
    /// Some of it was sent, and no answer came: what became of it is not known.
    case lost(Lost)

    /// A code of ours to show and to count.
    package var code: String {
        switch self {
        case .notSent(let kind): kind.rawValue
        case .lost(let kind): "lost_\(kind.rawValue)"
        }
    }
}

package import Core

/// What is shown of a circuit.
package struct CircuitView: Sendable, Equatable, Codable {
    package enum State: String, Sendable, Codable, CaseIterable {
        case closed, open
        case halfOpen = "half_open"
        case latched
    }

    package var state: State
    /// When it came into this state.
    package var since: Instant
    /// Our code for what opened it.
    package var reason: String?
    /// When a call may be tried again; `nil` while closed, and for a latch that only a reset undoes.
    package var retryAt: Instant?

    package init(state: State, since: Instant, reason: String?, retryAt: Instant?) {
        self.state = state
        self.since = since
        self.reason = reason
        self.retryAt = retryAt
    }
}

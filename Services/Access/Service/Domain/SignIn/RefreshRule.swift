package import Core

/// What the exchange of a refresh token comes to.
package enum RefreshRule {
    /// How long a token that was just exchanged gives the same successor once more, for a client whose reply was lost.
    package static let grace: Duration = .seconds(30)

    /// What is known of the token that was presented.
    package struct Known: Hashable, Sendable {
        package var tokenExpiresAt: Instant
        package var signInExpiresAt: Instant
        package var signInEnded: Bool
        package var userActive: Bool
        package var replacedAt: Instant?
        /// Whether the successor has been exchanged itself.
        package var successorReplaced: Bool

        package init(
            tokenExpiresAt: Instant,
            signInExpiresAt: Instant,
            signInEnded: Bool = false,
            userActive: Bool = true,
            replacedAt: Instant? = nil,
            successorReplaced: Bool = false
        ) {
            self.tokenExpiresAt = tokenExpiresAt
            self.signInExpiresAt = signInExpiresAt
            self.signInEnded = signInEnded
            self.userActive = userActive
            self.replacedAt = replacedAt
            self.successorReplaced = successorReplaced
        }
    }

    package enum Decision: Hashable, Sendable {
        /// The token gives way to a successor.
        case rotate
        /// The successor it already has is told once more.
        case repeatSuccessor
        /// Somebody else has used it: the whole sign-in ends.
        case reused
        case refuse
    }

    package static func decide(_ known: Known, at now: Instant) -> Decision {
        if known.signInEnded || !known.userActive || known.signInExpiresAt <= now { return .refuse }
        if let replacedAt = known.replacedAt {
            return !known.successorReplaced && now - replacedAt <= grace ? .repeatSuccessor : .reused
        }
        return known.tokenExpiresAt <= now ? .refuse : .rotate
    }
}

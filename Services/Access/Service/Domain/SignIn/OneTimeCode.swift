import AccessAPI
package import Core
package import Vault

/// Six digits that prove an address for a while, once.
package struct OneTimeCode: Sendable {
    package static let seconds = 600
    package static let lifetime: Duration = .seconds(seconds)
    /// Wrong codes after which the right one does not count any more.
    package static let tries = 5

    /// Sent once, kept nowhere.
    package let text: Secret

    /// Any of a million, of the system's generator.
    package init() {
        var generator = SystemRandomNumberGenerator()
        let digits = String(Int.random(in: 0..<1_000_000, using: &generator))
        text = Secret(String(repeating: "0", count: CodeProof.digits - digits.count) + digits)
    }

    /// A code that somebody presents.
    package init(presented text: String) { self.text = Secret(text) }

    /// What of it is kept: good for one purpose at one address of one clinic.
    package func hash(_ purpose: CodePurpose, address: [UInt8], clinic: ClinicID, index: BlindIndex) -> [UInt8] {
        index.token("\(address.hex) \(text.unredacted)", purpose: "one-time code \(purpose.rawValue)", clinic: clinic)
    }

    /// What a code that was sent is compared with.
    package struct Known: Hashable, Sendable {
        package var hash: [UInt8]
        package var tries: Int
        package var expiresAt: Instant
        package var isUsed: Bool

        package init(hash: [UInt8], tries: Int, expiresAt: Instant, isUsed: Bool) {
            self.hash = hash
            self.tries = tries
            self.expiresAt = expiresAt
            self.isUsed = isUsed
        }
    }

    /// What is found of a presented code; who presents it is told only whether it is right.
    package enum Verdict: String, Sendable {
        case right
        case wrong = "wrong_code"
        case expired
        case used
        case tooManyTries = "too_many_tries"
    }

    /// Compares in constant time; what has been tried too often is not compared any more.
    package static func judge(_ presented: [UInt8], _ known: Known, at now: Instant) -> Verdict {
        let isRight = constantTimeEqual(presented, known.hash)
        if known.isUsed { return .used }
        if known.expiresAt <= now { return .expired }
        if known.tries >= tries { return .tooManyTries }
        return isRight ? .right : .wrong
    }
}

/// How often codes are sent.
///
/// Past it nothing is sent, what was sent stays good, and the reply is the same.
package enum CodeLimit: String, Sendable, CaseIterable {
    /// To one address, for one who asks.
    case client
    /// To one address, whoever asks.
    case address
    /// To one account, whatever its addresses.
    case account
    /// To numbers, for one network: texts cost money, and some numbers earn by those that they get.
    case network

    package var requests: Int {
        switch self {
        case .client: 5
        case .address: 10
        case .account: 30
        case .network: 100
        }
    }

    package var window: Duration {
        switch self {
        case .client: .seconds(15 * 60)
        case .address, .network: .seconds(3_600)
        case .account: .seconds(86_400)
        }
    }
}

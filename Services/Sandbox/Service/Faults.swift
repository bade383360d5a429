import Core
import Synchronization

/// What a provider does wrong for a while.
struct Fault: Sendable, Hashable, Codable {
    enum Kind: String, Sendable, Codable, CaseIterable {
        /// Answers 503 (SMTP: 421) and does nothing.
        case down
        /// Answers late.
        case slow
        /// Answers 500 (SMTP: 451) and does nothing.
        case failing = "500"
        /// Answers 429 with `Retry-After` (SMTP: 450) and does nothing.
        case throttled = "429"
        /// Closes the connection instead of an answer and does nothing.
        case reset
        /// Does what it was asked, and closes the connection instead of an answer.
        case lostReply = "lost_reply"
        /// Does what it was asked, and never answers.
        case stall
    }

    var kind: Kind
    /// How many calls it lets pass first.
    var after: Int?
    /// How many calls it hits; all when absent.
    var times: Int?
    /// The share of calls it hits, 0 to 1; all when absent.
    var rate: Double?
    /// For `slow`; 2,000 when absent.
    var delayMs: Int?
    /// Seconds of `Retry-After` with an answer that refuses; the provider's own when absent.
    var retryAfter: Int?

    static let delayDefault = 2_000
    static let delayMax = 120_000
    static let retryAfterMax = 86_400
    /// Longer than anybody waits for an answer.
    static let stall: Duration = .milliseconds(delayMax)

    /// What is wrong with it, if anything.
    var complaint: String? {
        if let after, after < 0 { return "after must be at least 0" }
        if let times, times < 1 { return "times must be at least 1" }
        if let rate, !(0...1).contains(rate) { return "rate must be from 0 to 1" }
        if let delayMs, !(0...Self.delayMax).contains(delayMs) { return "delayMs must be from 0 to \(Self.delayMax)" }
        if let retryAfter, !(0...Self.retryAfterMax).contains(retryAfter) {
            return "retryAfter must be from 0 to \(Self.retryAfterMax)"
        }
        return nil
    }

    var delay: Duration { .milliseconds(delayMs ?? Self.delayDefault) }
}

/// The faults that are set, by provider.
final class Faults: Sendable {
    private let faults = Mutex<[String: Fault]>([:])

    subscript(provider: String) -> Fault? { faults.withLock { $0[provider] } }

    func set(_ fault: Fault?, for provider: String) { faults.withLock { $0[provider] = fault } }

    /// The fault that hits this call; counts it.
    func next(_ provider: String) -> Fault? {
        faults.withLock { faults in
            guard var fault = faults[provider] else { return nil }
            if let after = fault.after, after > 0 {
                fault.after = after - 1
                faults[provider] = fault
                return nil
            }
            if let rate = fault.rate, Double.random(in: 0..<1) >= rate { return nil }
            if let times = fault.times {
                fault.times = times - 1
                faults[provider] = times > 1 ? fault : nil
            }
            return fault
        }
    }
}

import CommunicationAPI
import Contracts
import Core

/// Which messages are counted, and by what.
struct AnalyticsSpan: Sendable, Hashable {
    /// What is counted where nobody says since when.
    static let usual: Duration = .seconds(30 * 86_400)

    /// Accepted at or after.
    let from: Instant
    /// Accepted before.
    let to: Instant
    let by: AnalyticsDimension

    init(from: Instant, to: Instant, by: AnalyticsDimension) {
        self.from = from
        self.to = to
        self.by = by
    }

    /// Reads a request; throws 422 for a span that is empty or too long.
    ///
    /// - Parameter zone: the clinic's, which says when days begin.
    init(_ request: AnalyticsRequest, zone: TimeZoneName?, now: Instant) throws(Problem) {
        let to = request.to?.end(in: zone) ?? now
        let from = request.from?.start(in: zone) ?? to - Self.usual
        guard from < to else { throw .invalid([Problem.Fault(parameter: "to", "must be later than from")]) }
        // Days on which clocks are put back are longer.
        guard to - from <= .seconds(AnalyticsRequest.mostDays * 86_400 + 3_600) else {
            throw .invalid([
                Problem.Fault(parameter: "to", "must be at most \(AnalyticsRequest.mostDays) days after from")
            ])
        }
        self.init(from: from, to: to, by: request.by ?? .day)
    }
}

import CommunicationAPI
import Core
import Outbound

/// A provider that tells what its messages cost, some time after it has sent them.
protocol CostTeller: MessageProvider {
    /// One page of the costs of what was sent from a day on (UTC).
    ///
    /// - Parameter page: `next` of the page before, `nil` for the first.
    func costs(since day: CalendarDate, page: String?, deadline: Deadline) async throws(OutboundFailure) -> CostPage
}

/// Costs by what the provider calls a message.
struct CostPage: Sendable {
    var costs: [String: MessageCost] = [:]
    var next: String?
}

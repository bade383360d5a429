import CommunicationAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// What became of a clinic's messages, in numbers.
struct AnalyticsHandlers: Sendable {
    let endpoints: AnalyticsEndpoints

    func register(in table: inout HandlerTable) {
        table.read(endpoints.read) { request, _, tx in
            try Self.check(request)
            let zone = request.by == .day ? try ProjectionStore.clinicTimeZone(in: tx) : nil
            return Reply(MessageAnalytics(items: try AnalyticsStore.count(request, zone: zone, in: tx)))
        }
    }

    private static func check(_ request: AnalyticsRequest) throws(Problem) {
        guard request.from < request.to else {
            throw .invalid([Problem.Fault(parameter: "to", "must be later than from")])
        }
        guard request.to - request.from <= .seconds(AnalyticsRequest.mostDays * 86_400) else {
            throw .invalid([
                Problem.Fault(parameter: "to", "must be at most \(AnalyticsRequest.mostDays) days after from")
            ])
        }
    }
}

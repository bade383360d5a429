import CommunicationAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// What became of a clinic's messages, in numbers.
struct AnalyticsHandlers: Sendable {
    let endpoints: AnalyticsEndpoints

    func register(in table: inout HandlerTable) {
        table.read(endpoints.read) { request, context, tx in
            let zone = try ProjectionStore.clinicTimeZone(in: tx)
            let span = try AnalyticsSpan(request, zone: zone, now: context.now)
            return Reply(MessageAnalytics(items: try AnalyticsStore.count(span, zone: zone, in: tx)))
        }
    }
}

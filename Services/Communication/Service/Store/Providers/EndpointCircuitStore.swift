import Core
import Logging
import Postgres
import Resilience
import Telemetry

/// A circuit before a provider's host, as it changed.
struct EndpointNews: Sendable, Equatable {
    let endpoint: String
    let view: CircuitView
}

/// News of hosts' circuits, written by the installation and shown to every clinic that has a provider there.
enum EndpointCircuitStore {
    /// Processes that hold a circuit open probe it soon after its time has come; older news were left by one that ended.
    static let newsLast: Duration = .seconds(60)

    /// The circuits among these that are not closed now.
    static func open(
        _ endpoints: [String],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [String: CircuitView] {
        guard !endpoints.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            select endpoint, state, since, reason, retry_at from endpoint_circuits
            where endpoint = any (\(endpoints)) and state <> 'closed' and retry_at > \(now - newsLast)
            """
        )
        var found: [String: CircuitView] = [:]
        for row in rows {
            let state: String = try row[1]
            found[try row[0]] = CircuitView(
                state: CircuitView.State(rawValue: state) ?? .open,
                since: try row[2],
                reason: try row[3],
                retryAt: try row[4]
            )
        }
        return found
    }

    /// Tells a change in a transaction of its own; it is for display, so failing to tell it stops nothing.
    static func publish(_ news: EndpointNews, in database: Database, log: Logger) async {
        do {
            let tenant = Tenant(.installation, actor: "system")
            try await database.transaction(for: tenant, lane: .background) { tx in
                tx.execute(
                    """
                    insert into endpoint_circuits (endpoint, state, since, reason, retry_at)
                    values (\(news.endpoint), \(news.view.state.rawValue), \(news.view.since), \(news.view.reason),
                        \(news.view.retryAt))
                    on conflict (endpoint) do update set state = excluded.state, since = excluded.since,
                        reason = excluded.reason, retry_at = excluded.retry_at
                    """
                )
            }
        } catch {
            log.debug("The circuit of a provider's host could not be told", error: error)
        }
    }
}

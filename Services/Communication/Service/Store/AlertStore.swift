import CommunicationAPI
import Contracts
import Core
import Jobs
import Logging
import Postgres
import ProviderConfig
import Telemetry

/// The tables `alert_routes` and `alerts_told`, in transactions that are opened for the clinic.
enum AlertStore {
    private static let purpose = "alert routes"
    /// For how long it is known of what somebody was told.
    private static let memory: Duration = .seconds(7 * 86_400)

    struct Routes: Sendable, Equatable {
        /// 0 before the first.
        var version: Int64
        var routes: [AlertRoute]
    }

    static func find(forUpdate: Bool = false, dataKeys: DataKeyStore, in tx: borrowing Transaction) throws -> Routes {
        let rows = try tx.rows(
            """
            select version, sealed from alert_routes
            where clinic_id = clinic_id()\(forUpdate ? " for update" : "" as Query)
            """
        )
        guard let row = rows.first, let clinic = tx.tenant?.clinic else { return Routes(version: 0, routes: []) }
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        let plain = try sealer.open(try row[1], purpose: purpose, record: "routes")
        return Routes(version: try row[0], routes: try JSONTape(plain).decode([AlertRoute].self))
    }

    /// Puts routes in force; the version, or `nil` when another is there than the one named.
    static func save(
        _ routes: [AlertRoute],
        after version: Int64,
        sealer: ClinicSealer,
        by actor: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int64? {
        let sealed = try sealer.seal(try JSONWriter.encode(routes), purpose: purpose, record: "routes")
        return try tx.rows(
            """
            insert into alert_routes (clinic_id, version, alerts, sealed, updated_at, updated_by)
            values (clinic_id(), 1, \(routes.map(\.alert.rawValue)), \(sealed), \(now), \(actor))
            on conflict (clinic_id) do update set version = alert_routes.version + 1, alerts = excluded.alerts,
                sealed = excluded.sealed, updated_at = excluded.updated_at, updated_by = excluded.updated_by
            where alert_routes.version = \(version)
            returning version
            """
        ).first.map { try $0[0] }
    }

    /// What an alert calls a provider.
    static func subject(of entry: ProviderEntry) -> String { subject(entry.provider, entry.channel) }

    private static func subject(_ provider: String, _ channel: String) -> String { "\(provider) (\(channel))" }

    /// Has it told that accounts do not send: the clinic of its own, in one order, so that two transactions wait for each other
    /// instead of locking both.
    ///
    /// - Returns: what is the operators' to mend, for `tellOperators` once the transaction is committed.
    static func raise(_ news: Set<AccountNews>, at now: Instant, in tx: borrowing Transaction) throws
        -> Set<AccountNews>
    {
        let own = news.filter { !$0.isDefault }
            .map { (alert: $0.fault.alert, subject: subject($0.provider, $0.channel)) }
            .sorted { ($0.alert.rawValue, $0.subject) < ($1.alert.rawValue, $1.subject) }
        for (alert, subject) in own { try raise(alert, about: subject, at: now, in: tx) }
        return news.filter(\.isDefault)
    }

    /// Has the operators told that accounts of the installation do not send.
    static func tellOperators(_ news: Set<AccountNews>, in database: Database, log: Logger) async {
        for one in news {
            let subject = subject(one.provider, one.channel)
            await raiseForOperators(one.fault.alert, about: subject, in: database, log: log)
        }
    }

    /// Has an alert about one of the installation's own providers told to its operators, in a transaction of its own: the clinic
    /// that met with it has nothing to do with that.
    static func raiseForOperators(_ alert: AlertKind, about subject: String, in database: Database, log: Logger) async {
        do {
            try await database.transaction(for: Tenant(.installation, actor: "system"), lane: .background) { tx in
                try raise(alert, about: subject, at: .now(), in: tx)
            }
        } catch {
            log.warning("An alert about a default provider was lost", error: error)
        }
    }

    /// Has an alert told, unless it was told of the same thing in this hour already, or the hour has had `mostAnHour` of its
    /// kind.
    ///
    /// Transactions that raise at the same time do not see each other's: the hour may then have a few more.
    static func raise(_ alert: AlertKind, about subject: String, at now: Instant, in tx: borrowing Transaction) throws {
        let hour = AlertRules.hour(of: now)
        let rows = try tx.rows(
            """
            insert into alerts_told (clinic_id, alert, hour, subject)
            select clinic_id(), \(alert.rawValue), \(hour), \(subject)
            where (
                select count(*) from alerts_told
                where clinic_id = clinic_id() and alert = \(alert.rawValue) and hour = \(hour)
            ) < \(AlertRules.mostAnHour)
            on conflict do nothing
            """
        )
        guard rows.affected == 1 else { return }
        tx.execute("delete from alerts_told where clinic_id = clinic_id() and hour < \(now - memory)")
        try Jobs.enqueue(
            AlertJob.self,
            payload: AlertJob.Payload(alert: alert, subject: subject, at: now),
            lane: .critical,
            in: tx
        )
    }
}

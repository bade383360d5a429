import CommunicationAPI
import Core
import Postgres
import ProviderConfig
import Resilience

/// What was last told of an entry's circuit.
struct PublishedCircuit: Sendable, Equatable {
    var entry: ProviderEntryID
    var fingerprint: String
    var view: CircuitView
    var resets: Int64
    var checkedAt: Instant?
}

/// That operators have closed the circuits of a default provider: with which credentials, when last, and how often.
private struct InstallationReset {
    let entry: ProviderEntryID
    let fingerprint: String
    let at: Instant
    let count: Int64

    /// What it makes of a clinic's circuit: what was told of these credentials before it holds no more.
    ///
    /// It counts whatever the credentials, so that the clinic's resets never go back.
    func applied(to circuit: PublishedCircuit?) -> PublishedCircuit {
        let closed = CircuitView(state: .closed, since: at, reason: nil, retryAt: nil)
        // A process may hold a circuit open that it could not tell of.
        guard var circuit else {
            return PublishedCircuit(entry: entry, fingerprint: fingerprint, view: closed, resets: count)
        }
        circuit.resets += count
        let isMeant = circuit.fingerprint == fingerprint && circuit.view.since < at
        if isMeant, circuit.view.state != .closed { circuit.view = closed }
        return circuit
    }
}

/// News of circuits, written where they change and read where they are shown.
enum CircuitStore {
    /// The clinic's own, as they are after what operators have closed by hand of the installation's providers.
    static func all(in tx: borrowing Transaction) throws -> [ProviderEntryID: PublishedCircuit] {
        guard let clinic = tx.tenant?.clinic else { return [:] }
        let rows = try tx.rows(
            """
            select entry_id, fingerprint, state, since, reason, retry_at, resets, checked_at, reset_at, clinic_id
            from circuits
            where clinic_id = any (\([clinic, .installation])) and (clinic_id = \(clinic) or reset_at is not null)
            """
        )
        var found: [ProviderEntryID: PublishedCircuit] = [:]
        var installation: [InstallationReset] = []
        for row in rows {
            let owner: ClinicID = try row[9]
            guard owner == clinic else {
                installation.append(
                    InstallationReset(entry: try row[0], fingerprint: try row[1], at: try row[8], count: try row[6])
                )
                continue
            }
            let state: String = try row[2]
            let view = CircuitView(
                state: CircuitView.State(rawValue: state) ?? .closed,
                since: try row[3],
                reason: try row[4],
                retryAt: try row[5]
            )
            let circuit = PublishedCircuit(
                entry: try row[0],
                fingerprint: try row[1],
                view: view,
                resets: try row[6],
                checkedAt: try row[7]
            )
            found[circuit.entry] = circuit
        }
        for reset in installation { found[reset.entry] = reset.applied(to: found[reset.entry]) }
        return found
    }

    static func publish(
        _ view: CircuitView,
        of entry: ProviderEntry,
        checkedAt: Instant? = nil,
        in tx: borrowing Transaction
    ) {
        tx.execute(
            """
            insert into circuits (clinic_id, entry_id, fingerprint, state, since, reason, retry_at, checked_at)
            values (clinic_id(), \(entry.id), \(entry.fingerprint), \(view.state.rawValue), \(view.since), \(view.reason),
                \(view.retryAt), \(checkedAt))
            on conflict (clinic_id, entry_id) do update set fingerprint = excluded.fingerprint, state = excluded.state,
                since = excluded.since, reason = excluded.reason, retry_at = excluded.retry_at,
                checked_at = coalesce(excluded.checked_at, circuits.checked_at)
            """
        )
    }

    /// A success anywhere shows that the provider is there, whatever a process that has ended told last.
    static func succeeded(_ entry: ProviderEntry, at now: Instant, in tx: borrowing Transaction) {
        tx.gather(ProviderSuccess(entry: entry.id, fingerprint: entry.fingerprint, at: now))
    }

    /// Closes a circuit by hand, for every process; the installation's for every clinic.
    static func reset(_ entry: ProviderEntry, at now: Instant, in tx: borrowing Transaction) throws {
        tx.execute(
            """
            insert into circuits (clinic_id, entry_id, fingerprint, state, since, resets, reset_at)
            values (clinic_id(), \(entry.id), \(entry.fingerprint), 'closed', \(now), 1, \(now))
            on conflict (clinic_id, entry_id) do update set fingerprint = excluded.fingerprint, state = 'closed',
                since = excluded.since, reason = null, retry_at = null, resets = circuits.resets + 1,
                reset_at = excluded.reset_at
            """
        )
        try tx.flush()
    }
}

/// That a provider took a message, told once for all of a transaction's messages.
private struct ProviderSuccess: BatchedRow {
    let entry: ProviderEntryID
    /// With which credentials: what former ones are told late says nothing of those in force.
    let fingerprint: String
    let at: Instant

    static func statements(for successes: [ProviderSuccess]) -> [Query] {
        let last = successes.map(\.at).max()
        return [
            """
            update circuits set state = 'closed', since = \(last), reason = null, retry_at = null
            where clinic_id = clinic_id() and entry_id = any (\(Array(Set(successes.map(\.entry)))))
                and fingerprint = any (\(Array(Set(successes.map(\.fingerprint))))) and state <> 'closed'
            """
        ]
    }
}

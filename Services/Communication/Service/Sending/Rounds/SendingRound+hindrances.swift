import CommunicationAPI
import Core
import Jobs
import Postgres
import ProviderConfig
import Resilience

/// What keeps a message from a provider for now: the hour, the rate, the cap for the day, an open circuit; and what is noted of it.
extension SendingRound {
    /// Whether it is no hour for the entry's channel: what was delayed may have come into the night since it was accepted.
    mutating func hold(_ entry: ProviderEntry) -> Bool {
        guard let opening = prepared.content.quiet?.opening(of: entry.channel, at: .now()),
            !VisitNews.passesNight(prepared.message.template, expiresAt: prepared.message.expiresAt, until: opening)
        else { return false }
        quietUntil[entry.channel] = opening
        return true
    }

    /// Has an entry that is tried before its turn and has no room wait for it; `false` where it is its turn.
    mutating func putBack(_ entry: ProviderEntry) -> Bool {
        guard let places = promoted.removeValue(forKey: entry.id),
            let place = chain.firstIndex(where: { $0.id == entry.id })
        else { return false }
        chain.insert(chain.remove(at: place), at: place + places)
        return true
    }

    /// Why the message does not go by the entry now; `nil` when it may.
    func takeRate(_ entry: ProviderEntry, _ permit: ProviderCircuits.Permit) async throws -> RateWait? {
        do {
            let installation = entry.isDefault ? try await parts.settings(of: .installation) : [:]
            let rate = SendingRate(of: entry, in: parts.providers, settings: settings, installation: installation)
            // Who is tried before its turn has its turn still: it takes no place among those that wait.
            return try await parts.rates.take(
                job.clinic,
                entry.id,
                rate,
                prepared.message.priority,
                waits: promoted[entry.id] == nil
            ) { [self] midnight in
                // What a provider before has answered is not written yet.
                try await persist { [job] in
                    try await job.database.read(for: job.tenant, lane: .background, operation: "messages.day") { tx in
                        try AttemptStore.calls(of: entry.id, since: midnight, in: tx)
                    }
                }
            }
        } catch {
            parts.circuits.giveBack(permit, job.clinic, entry)
            throw error
        }
    }

    mutating func skip(refused entry: ProviderEntry, _ view: CircuitView, isEndpoint: Bool) {
        let isQuota = view.reason == AttemptOutcome.quota.rawValue
        let outcome: AttemptOutcome = isQuota ? .skippedQuota : .skippedCircuitOpen
        if let until = view.retryAt { openUntil = min(until, openUntil ?? until) }
        let time = view.retryAt.map { $0 - parts.circuits.now() }
        availability[entry.id] = ProviderAvailability(refusedBy: view, for: time, at: .now())
        outcomes.append(outcome)
        let circuit = isEndpoint ? "circuit of the provider's host, shared by all clinics," : "circuit"
        // Configured anew with the same credentials, it stands before the circuit that they had, which nobody has told of.
        if !isEndpoint, prepared.circuits[entry.id] == nil { pending.append(.circuit(entry, view)) }
        let detail = "Passed over: the \(circuit) is \(view.state.rawValue) because of \(view.reason ?? "failures")."
        pending.append(.skipped(nextNumber, entry, outcome, detail: detail, at: .now()))
        nextNumber += 1
    }

    mutating func skip(capped entry: ProviderEntry, until: Instant) {
        capped[entry.id] = until
        availability[entry.id] = .shut(until: until)
        openUntil = min(until, openUntil ?? until)
        outcomes.append(.skippedQuota)
        let detail = "Passed over: the clinic's cap for the day is used up."
        pending.append(.skipped(nextNumber, entry, .skippedQuota, detail: detail, at: .now()))
        nextNumber += 1
    }
}

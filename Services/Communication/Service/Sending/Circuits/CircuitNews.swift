import CommunicationAPI
import Core
import Logging
import Postgres
import ProviderConfig
import Resilience

/// Makes changes of circuits known: to other processes and the health, and to the people who can mend the cause.
enum CircuitNews {
    /// Writes an entry's circuit, in a transaction of its clinic, and has the clinic alerted where it is not well.
    ///
    /// - Parameter checkedAt: when a check has found it so; `nil` after a call.
    static func write(
        _ view: CircuitView,
        of entry: ProviderEntry,
        checkedAt: Instant? = nil,
        in tx: borrowing Transaction
    ) throws {
        CircuitStore.publish(view, of: entry, checkedAt: checkedAt, in: tx)
        // The installation's own providers are not the clinic's to mend.
        guard !entry.isDefault, let alert = alert(for: view, isChecked: checkedAt != nil) else { return }
        try AlertStore.raise(alert, about: AlertStore.subject(of: entry), at: .now(), in: tx)
    }

    /// Tells what is not the clinic's: of the host's circuit, and the operators of their own provider's.
    static func tellInstallation(
        _ changes: ProviderCircuits.Changes,
        of entry: ProviderEntry,
        isChecked: Bool = false,
        in database: Database,
        log: Logger
    ) async {
        if let view = changes.entry, entry.isDefault, let alert = alert(for: view, isChecked: isChecked) {
            await AlertStore.raiseForOperators(alert, about: AlertStore.subject(of: entry), in: database, log: log)
        }
        if let news = changes.endpoint { await EndpointCircuitStore.publish(news, in: database, log: log) }
    }

    /// That a provider is still away was told when its circuit opened; that it lets nobody in may be what a check finds first.
    private static func alert(for view: CircuitView, isChecked: Bool) -> AlertKind? {
        isChecked && view.state != .latched ? nil : AlertRules.alert(for: view)
    }
}

package import Metrics

/// The metrics of the suite: counters end in `_total`, durations in `_seconds`.
package enum MetricName: String, CaseIterable, Sendable {
    case httpRequests = "polyclinic_http_requests_total"
    case httpDuration = "polyclinic_http_request_duration_seconds"
    case httpRefusals = "polyclinic_http_refusals_total"
    case operations = "polyclinic_operations_total"
    case operationDuration = "polyclinic_operation_duration_seconds"
    case busRequestsInFlight = "polyclinic_bus_requests_in_flight"
    case busExpired = "polyclinic_bus_expired_requests_total"
    case busRefused = "polyclinic_bus_refused_requests_total"
    case busQuarantined = "polyclinic_bus_quarantined_entries_total"
    case busReconnects = "polyclinic_bus_reconnects_total"
    case eventsPublished = "polyclinic_events_published_total"
    case eventsConsumed = "polyclinic_events_consumed_total"
    case eventsPoisoned = "polyclinic_events_poisoned_total"
    case projectionRebuilds = "polyclinic_projection_rebuilds_total"
    case outboxPending = "polyclinic_outbox_pending"
    case jobsRun = "polyclinic_jobs_total"
    case jobDuration = "polyclinic_job_duration_seconds"
    case jobsDead = "polyclinic_jobs_dead_total"
    case jobsPending = "polyclinic_jobs_pending"
    case databaseTransactions = "polyclinic_database_transactions_total"
    case databaseDuration = "polyclinic_database_transaction_duration_seconds"
    case databaseErrors = "polyclinic_database_errors_total"
    case messagesAccepted = "polyclinic_messages_accepted_total"
    case messageAttempts = "polyclinic_message_attempts_total"
    case messagesShifted = "polyclinic_messages_shifted_total"
    case providerDuration = "polyclinic_provider_call_duration_seconds"
    case circuitChanges = "polyclinic_circuit_changes_total"
    case circuitsOpen = "polyclinic_circuits_open"
    case rateWaits = "polyclinic_rate_waits_total"
    case configurationLookups = "polyclinic_configuration_lookups_total"
    case paymentsSettled = "polyclinic_payments_settled_total"
    case webhooks = "polyclinic_webhooks_total"
    case auditEntries = "polyclinic_audit_entries_total"
    case auditMissing = "polyclinic_audit_entries_missing"
    case auditCosignatures = "polyclinic_audit_cosignatures_total"
    case auditLogsStopped = "polyclinic_audit_logs_stopped"
    case policyLag = "polyclinic_policy_lag_seconds"

    /// What it counts or measures, in one line.
    package var help: String {
        switch self {
        case .httpRequests: "HTTP requests answered, by operation and status."
        case .httpDuration: "Time from a request's first byte to its reply."
        case .httpRefusals: "Requests refused before they reached a service, by reason."
        case .operations: "Operations carried out by a service, by outcome."
        case .operationDuration: "Time a service spent on an operation."
        case .busRequestsInFlight: "Requests sent to a service and not yet answered."
        case .busExpired: "Requests dropped because their deadline had passed."
        case .busRefused: "Requests told to come back because too many of their clinic's waited for a slot."
        case .busQuarantined: "Sealed entries that did not open and were set aside."
        case .busReconnects: "Connections to Redis made again."
        case .eventsPublished: "Events written to their topic."
        case .eventsConsumed: "Events taken in, by topic and outcome."
        case .eventsPoisoned: "Events set aside after their last delivery."
        case .projectionRebuilds: "Times that a service has asked for everything it keeps of others, by reason."
        case .outboxPending: "Outbox rows not yet published."
        case .jobsRun: "Job attempts, by handler and outcome."
        case .jobDuration: "Time a job attempt took."
        case .jobsDead: "Jobs given up after their last attempt."
        case .jobsPending: "Jobs waiting, by lane."
        case .databaseTransactions: "Transactions, by lane and outcome."
        case .databaseDuration: "Time a transaction held its connection."
        case .databaseErrors: "Database errors, by code."
        case .messagesAccepted: "Messages accepted for sending, by channel."
        case .messageAttempts: "Attempts to send, by channel, provider and outcome."
        case .messagesShifted:
            "Messages handed to a provider before its turn because one before it does worse, by channel and provider."
        case .providerDuration: "Time a provider's call took."
        case .circuitChanges: "Circuits that changed state, by channel, provider and state."
        case .circuitsOpen: "Circuits of clinics' entries that are not closed in this process, by channel and provider."
        case .rateWaits: "Messages sent away until their provider's rate has room, by lane and who decided."
        case .configurationLookups: "Provider configurations resolved, by where they were found."
        case .paymentsSettled: "Payments settled, by provider and outcome."
        case .webhooks: "Webhooks received, by provider and outcome."
        case .auditEntries: "Audit entries put in sequence."
        case .auditMissing:
            "Audit entries that a service has committed and that have not arrived for a quarter of an hour."
        case .auditCosignatures: "Checkpoints shown to witnesses, by what came of it."
        case .auditLogsStopped: "Audit logs that are not signed any further because they do not lead on from what was."
        case .policyLag: "Age of the newest access version heard."
        }
    }
}

/// The labels a metric may have; none holds an id or anything personal, for their values must be few.
package enum MetricLabel: String, CaseIterable, Sendable {
    case operation, status, outcome, reason, service, topic, group, lane, handler, code, channel, provider, state,
        source, stream
}

extension Counter {
    package convenience init(_ name: MetricName, _ labels: [(MetricLabel, String)] = []) {
        self.init(label: name.rawValue, dimensions: labels.map { ($0.0.rawValue, $0.1) })
    }
}

extension Gauge {
    package convenience init(_ name: MetricName, _ labels: [(MetricLabel, String)] = []) {
        self.init(label: name.rawValue, dimensions: labels.map { ($0.0.rawValue, $0.1) })
    }
}

extension Metrics.Timer {
    package convenience init(_ name: MetricName, _ labels: [(MetricLabel, String)] = []) {
        self.init(label: name.rawValue, dimensions: labels.map { ($0.0.rawValue, $0.1) })
    }
}

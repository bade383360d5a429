package import Core
package import Logging

/// The keys a log line may have besides time, level, service and message; values under any other key are not written.
///
/// What stands under them are ids, names of our own and numbers: never names of people, addresses, numbers or bodies.
package enum LogKey: String, CaseIterable, Sendable {
    // One request's or job's way
    case requestID = "request_id"
    case traceID = "trace_id"
    case spanID = "span_id"
    case operation, service, process, instance
    case clinicID = "clinic_id"
    case principal
    case principalKind = "principal_kind"
    case method, route, status, code, outcome, reason
    case durationMilliseconds = "duration_ms"
    // What failed
    case error
    case errorType = "error_type"
    case sqlState = "sql_state"
    case constraint, dependency
    // Bus, events and jobs
    case topic, group, stream, event, kind, state
    case eventID = "event_id"
    case entryID = "entry_id"
    case aggregate, version, epoch, lane, handler, attempt
    case jobID = "job_id"
    case keyID = "key_id"
    case dueAt = "due_at"
    // Resources, by id
    case userID = "user_id"
    case messageID = "message_id"
    case appointmentID = "appointment_id"
    case invoiceID = "invoice_id"
    case paymentID = "payment_id"
    case providerEntryID = "provider_entry_id"
    case channel, provider
    // The process itself
    case host, port, pid, schema, migration, setting, signal, lag
    case exitStatus = "exit_status"
    case count, bytes, limit, size, sequence, series
}

extension Logger {
    /// A field that every line of this logger carries.
    package subscript(_ key: LogKey) -> String? {
        get { self[metadataKey: key.rawValue]?.description }
        set { self[metadataKey: key.rawValue] = newValue.map { .string($0) } }
    }

    /// This logger with the trace's ids on every line.
    package func with(_ trace: TraceContext) -> Logger {
        var logger = self
        logger[.traceID] = trace.traceID
        logger[.spanID] = trace.spanID
        return logger
    }
}

extension Logger.Metadata {
    /// Fields by their keys, for one line: `log.info("…", metadata: .fields([.count: "3"]))`.
    package static func fields(_ values: [LogKey: String]) -> Logger.Metadata {
        values.reduce(into: [:]) { $0[$1.key.rawValue] = .string($1.value) }
    }
}

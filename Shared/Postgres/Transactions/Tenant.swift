package import Core

/// Whom a transaction is opened for: the settings that row-level security reads.
package struct Tenant: Hashable, Sendable {
    package let clinic: ClinicID
    /// The principal's id, for tables that note who wrote a row.
    package let actor: String
    package let scope: Scope

    package init(_ clinic: ClinicID, actor: String, scope: Scope = .clinic) {
        self.clinic = clinic
        self.actor = actor
        self.scope = scope
    }

    /// Sets everything the policies read for this transaction alone; what does not apply is set to nothing, so that no
    /// setting of another transaction could ever be read.
    func settings(readOnly: Bool) -> Query {
        var patient = ""
        var doctor = ""
        var locations = ""
        switch scope {
        case .own(let id): patient = id.description
        case .treated(let id): doctor = id.description
        case .locations(let ids): locations = "{\(ids.map(\.description).joined(separator: ","))}"
        case .clinic, .account: break
        }
        let query: Query = """
            select set_config('app.clinic_id', \(clinic.description), true), set_config('app.actor', \(actor), true), \
            set_config('app.scope', \(scope.word), true), set_config('app.patient_id', \(patient), true), \
            set_config('app.doctor_id', \(doctor), true), set_config('app.location_ids', \(locations), true)
            """
        return readOnly ? query + ", set_config('transaction_read_only', 'on', true)" : query
    }
}

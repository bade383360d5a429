import Authorization
import Contracts
import Core

/// Sign-in, clinic and permission: everything is decided in memory.
extension Gateway {
    typealias Parameters = [(name: String, value: String)]

    /// Lets the caller in, or throws 401, 404, 403, 400 where the clinic is not said, or 503 where we cannot know.
    func authorise(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: inout Exchange
    ) async throws(Problem) {
        guard await policy.becomesFresh() else { throw .unavailable("The access policy") }
        let now = Instant.now()
        var snapshot = policy.snapshot()
        let caller = try await verify(try bearerToken(exchange), &snapshot, at: now)
        let named = try namedClinic(operation, parameters, exchange)
        // A user or a membership made a moment ago, or an invitation just accepted, may not have arrived here: access is asked
        // before we refuse.
        let mayBeLate = !snapshot.knows(caller, named?.id) || snapshot.refusal(caller, at: now) == .inactive
        if mayBeLate {
            await policy.refresh()
            snapshot = policy.snapshot()
        }
        if snapshot.refusal(caller, at: now) != nil { throw .unauthenticated }
        exchange.caller = caller
        exchange.accessVersion = snapshot.version
        exchange.principal = caller.principal
        if case .apiKey(let key) = caller {
            keyUses.note(key, at: now)
            try await requireOperationForKeys(operation, parameters, exchange, snapshot.homeClinic(of: caller))
        }
        switch (operation.tenancy, named) {
        case (.none, _): exchange.clinic = nil
        case (_, .clinic(let clinic)?): exchange.clinic = clinic
        case (_, .nonsense?):
            try await record(operation, parameters, exchange, in: snapshot.homeClinic(of: caller), reason: "not_found")
            throw .notFound
        case (_, nil):
            guard let only = snapshot.onlyClinic(of: caller) else {
                throw Problem(400, "clinic_required", "Name the clinic in X-Clinic-Id.")
            }
            exchange.clinic = only
        }
        try await decide(operation, parameters, &exchange, snapshot, caller, at: now)
    }

    /// Who shows the credential: a person's access token, or an API key.
    private func verify(
        _ credential: Substring,
        _ snapshot: inout PolicySnapshot,
        at now: Instant
    ) async throws(Problem) -> Caller {
        if KeyVerifier.isKey(credential) {
            // A key made or renewed a moment ago may not have arrived here.
            var key = KeyVerifier.verify(credential, snapshot, at: now)
            if key == nil {
                await policy.refresh()
                snapshot = policy.snapshot()
                key = KeyVerifier.verify(credential, snapshot, at: now)
            }
            guard let key else { throw .unauthenticated }
            return .apiKey(key)
        }
        guard let token = await tokens.verify(credential, keys: snapshot.keys, at: now) else { throw .unauthenticated }
        return .user(token.user, signIn: token.signIn)
    }

    /// What asks only that somebody signed in is about a person, and opens for no key.
    private func requireOperationForKeys(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange,
        _ clinic: ClinicID
    ) async throws(Problem) {
        if case .permission = operation.guard { return }
        try await record(operation, parameters, exchange, in: clinic, reason: "person_required")
        throw Problem(403, "person_required", "This operation is for people who signed in, not for API keys.")
    }

    /// On an open operation a good token says who asks; none, or a bad one, says nothing and refuses nothing.
    func identify(_ exchange: inout Exchange) async {
        guard exchange.head.authorization != nil, policy.isFresh(), let token = try? bearerToken(exchange),
            !KeyVerifier.isKey(token)
        else { return }
        let snapshot = policy.snapshot()
        guard let caller = await tokens.verify(token, keys: snapshot.keys, at: .now()),
            snapshot.refusal(.user(caller.user, signIn: caller.signIn), at: .now()) == nil
        else { return }
        exchange.principal = Caller.user(caller.user, signIn: caller.signIn).principal
    }

    /// The decision of the snapshot, put into the exchange or thrown.
    private func decide(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: inout Exchange,
        _ snapshot: PolicySnapshot,
        _ caller: Caller,
        at now: Instant
    ) async throws(Problem) {
        let decision = snapshot.decide(caller, clinic: exchange.clinic, permission: operation.permission, at: now)
        let home = snapshot.homeClinic(of: caller)
        exchange.principal.roles = decision.roles
        exchange.principal.patient = decision.patient
        exchange.principal.doctor = decision.doctor
        if !operation.asksWithin.isEmpty {
            exchange.principal.heldWithin = operation.asksWithin.compactMap { permission, bit in
                switch snapshot.decide(caller, clinic: exchange.clinic, permission: bit, at: now).scope {
                case .clinic, .locations: permission.name
                case .own, .treated, .account, nil: nil
                }
            }
        }
        let emergencies = emergencies(operation, exchange, snapshot, at: now)
        let named = emergencies.first { names($0.patientId, parameters, exchange) }
        switch decision.outcome {
        case .allowed(let scope):
            exchange.scope = scope
            if scope == .clinic { return }
            if let named { exchange.use(named) } else { exchange.emergencies = emergencies }
        case .forbidden where !decision.isClinicSuspended && !emergencies.isEmpty:
            exchange.use(named ?? emergencies[0])
            if named == nil { exchange.emergencies = Array(emergencies.dropFirst()) }
        case .forbidden where decision.isClinicSuspended:
            let clinic = exchange.clinic ?? home
            try await record(operation, parameters, exchange, in: clinic, reason: "clinic_suspended")
            throw Problem(403, "clinic_suspended", "The clinic is suspended.")
        case .forbidden:
            guard case .permission(let permission) = operation.guard else { return }
            let clinic = exchange.clinic ?? home
            try await record(operation, parameters, exchange, in: clinic, reason: "forbidden")
            throw .forbidden(permission.name)
        case .notMember:
            try await record(operation, parameters, exchange, in: home, reason: "not_found")
            throw .notFound
        case .revoked, .inactive: throw .unauthenticated
        }
    }

    /// What of the caller's emergency access could let the request through.
    private func emergencies(
        _ operation: Operation,
        _ exchange: Exchange,
        _ snapshot: PolicySnapshot,
        at now: Instant
    ) -> [EmergencyGrant] {
        guard operation.opensInEmergency, let user = exchange.caller?.user, let clinic = exchange.clinic else {
            return []
        }
        return snapshot.emergencies(of: user, in: clinic, at: now)
    }

    /// Whether the request says itself that it is about the patient.
    private func names(_ patient: PatientID, _ parameters: Parameters, _ exchange: Exchange) -> Bool {
        let id = patient.description
        return parameters.contains { $0.value == id } || exchange.head.query?.contains(id) ?? false
    }

    private func bearerToken(_ exchange: Exchange) throws(Problem) -> Substring {
        guard let header = exchange.head.authorization, header.utf8.count > 7,
            String(header.prefix(7)).isSame(as: "bearer ")
        else { throw .unauthenticated }
        return header.dropFirst(7).drop { $0 == " " }
    }

    private enum NamedClinic {
        case clinic(ClinicID)
        /// An id of no clinic there can be.
        case nonsense

        var id: ClinicID? { if case .clinic(let id) = self { id } else { nil } }
    }

    /// The clinic that path or header name; 400 where they differ.
    private func namedClinic(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: Exchange
    ) throws(Problem) -> NamedClinic? {
        let inHeader = exchange.head.clinic.map(Self.clinic)
        guard case .path = operation.tenancy, let text = parameters.first(where: { $0.name == "clinicId" })?.value
        else {
            return inHeader
        }
        let inPath = Self.clinic(text)
        if let inHeader {
            switch (inPath, inHeader) {
            case (.clinic(let one), .clinic(let other)) where one == other: break
            default: throw Problem(400, "clinic_mismatch", "Path and X-Clinic-Id name different clinics.")
            }
        }
        return inPath
    }

    private static func clinic(_ text: String) -> NamedClinic {
        if text == "installation" { return .clinic(.installation) }
        return ClinicID.wire(text).map { .clinic($0) } ?? .nonsense
    }

    /// The clinic of a public operation whose path names one; 404 for one that is not there.
    func resolvePublicClinic(
        _ operation: Operation,
        _ parameters: Parameters,
        _ exchange: inout Exchange
    ) throws(Problem) {
        if case .signature(let vendor) = operation.guard {
            exchange.principal = Principal(kind: .provider, id: vendor.description)
        }
        guard case .path = operation.tenancy, let text = parameters.first(where: { $0.name == "clinicId" })?.value
        else {
            return
        }
        guard case .clinic(let clinic) = Self.clinic(text) else { throw .notFound }
        exchange.clinic = clinic
        exchange.scope = .clinic
        guard clinic != .installation else { return }
        // A clinic made a moment ago may not have arrived here; only a fresh snapshot says that there is none.
        let snapshot = policy.snapshot()
        exchange.accessVersion = snapshot.version
        guard snapshot.clinics[clinic] == nil else { return }
        throw policy.isFresh() ? .notFound : .unavailable("The access policy")
    }
}

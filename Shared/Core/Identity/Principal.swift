/// Who asks.
///
/// Travels sealed from the gateway to the service; holds ids and role names, nothing personal.
package struct Principal: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nobody signed in (a public endpoint).
        case anonymous
        case user
        case apiKey = "api_key"
        /// A provider, told apart by its signature.
        case provider
        /// One of our own processes (a job, a consumer, the scheduler).
        case system
        /// Somebody at the command line.
        case `operator`
    }

    package var kind: Kind
    /// The user's, key's or process's id or name; never an address.
    package var id: String
    /// The emergency access under which this is asked, if it is.
    package var emergency: Emergency?
    /// The sign-in behind an access token.
    package var signIn: SignInID?
    /// Role names held in the clinic of the request, and system roles.
    package var roles: [String]
    /// The patient and doctor records of this user in the clinic of the request.
    package var patient: PatientID?
    package var doctor: DoctorID?
    /// Which of the permissions that the operation asks for past its guard are held, by built-in roles or the clinic's own;
    /// absent where it asks for none.
    package var heldWithin: [String]?

    package init(
        kind: Kind,
        id: String,
        signIn: SignInID? = nil,
        roles: [String] = [],
        patient: PatientID? = nil,
        doctor: DoctorID? = nil
    ) {
        self.kind = kind
        self.id = id
        self.signIn = signIn
        self.roles = roles
        self.patient = patient
        self.doctor = doctor
    }

    package static let anonymous = Principal(kind: .anonymous, id: "anonymous")
    package static func system(_ name: String) -> Principal { Principal(kind: .system, id: name) }
    /// The signed-in user's id, for principals of kind `user`.
    package var user: UserID? { kind == .user ? UserID(id) : nil }
}

/// Emergency access to one patient's record, for reading, until its time is over.
package struct Emergency: Hashable, Sendable, Codable {
    package let id: BreakGlassID
    package let patient: PatientID
    package let expiresAt: Instant

    package init(id: BreakGlassID, patient: PatientID, expiresAt: Instant) {
        self.id = id
        self.patient = patient
        self.expiresAt = expiresAt
    }
}

import AccessAPI
import Authorization
import Contracts
import Core
import Foundation
import Jobs
import Logging
import Postgres
import ProviderConfig
import Redis
import ServiceLifecycle
import Synchronization
import TestKit
import Testing
import Vault

@testable import Access
@testable import Bus
@testable import ServiceHost

/// Access behind its dispatcher, on a real database, with the policy that it tells itself: all but Redis.
struct AccessDesk {
    /// Somebody signed in.
    struct Person {
        var id: UserID
        var email: EmailAddress
        var password: String
        var signIn: SignInID
        var accessToken: String
        var refreshToken: String

        var isAtTheCommandLine = false
        /// Set for a machine that calls with a key.
        var apiKey: APIKeyID?

        var principal: Principal {
            if let apiKey { return Caller.apiKey(apiKey).principal }
            return isAtTheCommandLine
                ? Principal(kind: .operator, id: "operator")
                : Principal(kind: .user, id: id.description, signIn: signIn)
        }
    }

    static let keys = Mutex(KeyFile.generate())
    static let witness = FileManager.default.temporaryDirectory.path() + "/witness-\(RequestID())"

    let test: TestDatabase
    let parts: AccessParts
    let keyFile: KeyFile
    private let dispatcher: Dispatcher
    private let follower: PolicyFollower
    private let logger = Logger(label: "test")

    let database: Database

    /// Where requests come from unless they say otherwise.
    static let here = RequestSource(address: "192.0.2.7", userAgent: "test")

    init(passwords: PasswordHasher = Self.passwords, ownersMayRegister: Bool = true) throws {
        let keyFile = Self.keys.withLock { $0 }
        self.keyFile = keyFile
        test = try TestDatabase.open("access", migrations: AccessService.migrations)
        let database = Self.pool(of: test)
        self.database = database
        let index = try BlindIndex(keyFile, service: .access)
        let tokens = try TokenSigner(keys: keyFile, issuer: "https://test.example")
        let dataKeys = DataKeyStore(try DataKeys(keyFile, service: .access), database: database)
        parts = AccessParts(
            database: database,
            index: index,
            cursors: CursorSeal(index),
            dataKeys: dataKeys,
            tokens: tokens,
            passwords: passwords,
            audit: try AuditKeys(keyFile),
            notices: Notices(keys: Self.edgeKeys(keyFile, of: "access")),
            gateways: Gateways { [] },
            ownersMayRegister: ownersMayRegister,
            publicURL: "https://test.example"
        )
        follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: logger),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: logger
        ) { query in
            try await database.through(.installation) { tx in
                try PolicyStore.changes(query, keys: tokens.verificationKeys, at: .now(), in: tx)
            }
        }
        let table = AccessService.handlers(parts)
        try table.complete(AccessEndpoints().all + PolicyEndpoints().all)
        dispatcher = Dispatcher(
            service: .access,
            handlers: table.entries,
            database: database,
            replies: IdempotencyStore(dataKeys: dataKeys),
            policy: follower,
            log: logger
        )
    }

    static func edgeKeys(_ file: KeyFile, of process: String) -> EdgeKeys {
        let ring = file.busKeys.map { (id: $0.id, key: $0.key.bytes) }
        return EdgeKeys(ring: ring, currentID: file.currentID(of: .bus) ?? "", process: process)
    }

    private static let shared = Mutex<Database?>(nil)

    /// With room behind the doors for many tests at once.
    private static func pool(of test: TestDatabase) -> Database {
        shared.withLock { shared in
            if let shared { return shared }
            let made = test.pool { $0.doorConnections = 8 }
            shared = made
            return made
        }
    }

    static let passwords = PasswordHasher(concurrency: 2)
    private static let root = SharedPerson()

    // MARK: - Asking

    /// Carries out one request as the gateway would hand it over; the decision is the service's own.
    func call(
        _ endpoint: any EndpointDescription,
        _ input: some Encodable & Sendable,
        as person: Person? = nil,
        in clinic: ClinicID? = nil,
        ifMatch: String? = nil,
        accept: String? = nil,
        page: String? = nil,
        key: String? = nil,
        from source: RequestSource = Self.here
    ) async throws -> BusReply {
        let request = BusRequest(
            operation: endpoint.name,
            clinic: clinic,
            principal: person?.principal ?? .anonymous,
            scope: .account,
            accessVersion: 0,
            deadline: .after(.seconds(30)),
            idempotencyKey: key ?? "\(RequestID())",
            clientKey: key != nil,
            ifMatch: ifMatch,
            source: source,
            accept: accept,
            page: page,
            input: try JSONWriter.encode(input)
        )
        // On a busy machine the policy may be older than two seconds by the time it is used: then it is asked again.
        try await follower.reload()
        return try await eventually("a policy fresh enough") {
            if !follower.isFresh { try await follower.reload() }
            guard case .reply(let reply) = await dispatcher.answer(request, redelivered: false) else {
                throw TestKitError("\(endpoint.name) was left pending")
            }
            return String(decoding: reply.body, as: UTF8.self).contains("The access policy is not") ? nil : reply
        }
    }

    /// The same, with the reply's type.
    func ask<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        as person: Person? = nil,
        in clinic: ClinicID? = nil,
        ifMatch: String? = nil,
        from source: RequestSource = Self.here
    ) async throws -> Output {
        let reply = try await call(endpoint, input, as: person, in: clinic, ifMatch: ifMatch, from: source)
        guard reply.status < 300 else {
            throw TestKitError("\(endpoint.name): \(reply.status) \(String(decoding: reply.body, as: UTF8.self))")
        }
        return try JSONTape(reply.body).decode(Output.self)
    }

    /// Every byte of a streamed reply, pulled page by page.
    func pull(
        _ endpoint: any EndpointDescription,
        _ input: some Encodable & Sendable,
        as person: Person,
        in clinic: ClinicID,
        accept: String? = nil
    ) async throws -> (bytes: [UInt8], pages: Int, first: BusReply) {
        let first = try await call(endpoint, input, as: person, in: clinic, accept: accept)
        var bytes = first.body
        var (next, pages) = (first.nextPage, 1)
        while let page = next {
            let reply = try await call(endpoint, input, as: person, in: clinic, accept: accept, page: page)
            guard reply.status == 200 else { throw TestKitError("page \(pages) of \(endpoint.name): \(reply.status)") }
            bytes += reply.body
            next = reply.nextPage
            pages += 1
        }
        return (bytes, pages, first)
    }

    // MARK: - People

    static func address(_ name: String) throws -> EmailAddress {
        try #require(EmailAddress("\(name)-\(RequestID())@example.org"))
    }

    /// One for all tests; hashing a password takes its time.
    func superAdmin() async throws -> Person { try await Self.root.value(self) }

    func newSuperAdmin() async throws -> Person {
        let email = try Self.address("root")
        let endpoints = SystemUserEndpoints()
        let hand = Person(
            id: UserID(),
            email: email,
            password: "",
            signIn: SignInID(),
            accessToken: "",
            refreshToken: "",
            isAtTheCommandLine: true
        )
        let made = try await ask(endpoints.create, SystemUserDraft(email: email, name: "Root"), as: hand)
        let role = SystemRoleAssignment(userId: made.id, role: .superAdmin)
        _ = try await ask(endpoints.setSystemRoles, role, as: hand)
        return try await accept(try #require(made.invitation?.token), email)
    }

    func accept(_ token: String, _ email: EmailAddress?, password: String = "correct horse battery") async throws
        -> Person
    {
        let email = try #require(email)
        let signedIn = try await ask(
            AuthenticationEndpoints().acceptInvitation,
            AcceptInvitation(token: token, password: password)
        )
        return try Self.person(signedIn, email, password)
    }

    func login(_ person: Person) async throws -> Person {
        let request = LoginRequest(email: person.email, password: person.password)
        return try Self.person(
            try await ask(AuthenticationEndpoints().login, request),
            person.email,
            person.password
        )
    }

    static func person(_ signedIn: SignedIn, _ email: EmailAddress, _ password: String) throws -> Person {
        let claims = try claims(signedIn.accessToken)
        return Person(
            id: signedIn.user.id,
            email: email,
            password: password,
            signIn: claims.sid,
            accessToken: signedIn.accessToken,
            refreshToken: signedIn.refreshToken
        )
    }

    static func claims(_ token: String) throws -> AccessTokenClaims {
        let parts = token.split(separator: ".")
        let payload = try #require(parts.count == 3 ? Self.decode(String(parts[1])) : nil)
        return try JSONTape(payload).decode(AccessTokenClaims.self)
    }

    /// Base64url without padding.
    static func decode(_ text: String) -> [UInt8]? {
        var text = text.replacing("-", with: "+").replacing("_", with: "/")
        while text.utf8.count % 4 != 0 { text += "=" }
        return Base64.decode(text)
    }

    func clinic(by root: Person, name: String = "Clinic") async throws -> ClinicID {
        let slug = try #require(Slug("c-" + RequestID().description.suffix(20)))
        let draft = ClinicDraft(
            name: name,
            slug: slug,
            timeZone: try #require(TimeZoneName("Asia/Kolkata")),
            currency: try #require(Currency("INR")),
            country: "IN"
        )
        return try await ask(ClinicEndpoints().create, draft, as: root).id
    }

    func invite(_ roles: [String], into clinic: ClinicID, by inviter: Person, email: EmailAddress? = nil) async throws
        -> Member
    {
        let draft = MemberDraft(
            clinicId: clinic,
            email: try email ?? Self.address("member"),
            name: "Somebody",
            roles: roles.map { AssignedRole(role: $0) }
        )
        return try await ask(MemberEndpoints().create, draft, as: inviter, in: clinic)
    }

    func member(_ roles: [String], of clinic: ClinicID, by inviter: Person) async throws -> Person {
        let member = try await invite(roles, into: clinic, by: inviter)
        return try await accept(try #require(member.invitation?.token), member.email)
    }

    // MARK: - Jobs

    /// Has jobs done while the body runs; those at work when it ends are finished, for they may be another test's.
    func withJobs<R: Sendable>(
        _ handlers: [any JobHandler]? = nil,
        _ body: () async throws -> R
    ) async throws -> R {
        let workers = JobWorkers(
            database: database,
            handlers: handlers ?? [
                PrepareAuditExport(), AnnounceClinic(), AnnounceMember(), SendPasswordReset(parts: parts),
                TellPasswordChanged(parts: parts),
            ],
            logger: logger
        )
        let group = ServiceGroup(services: [workers], logger: logger)
        async let run: Void = group.run()
        let result: Result<R, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        try await run
        return try result.get()
    }

    // MARK: - The log

    func record(in clinic: ClinicID, action: String = "tests:make", userAgent: String = "test") -> AuditRecord {
        AuditRecord(
            at: .now(),
            clinicId: clinic,
            actor: .init(type: "user", id: "\(UserID())", roles: ["DOCTOR"]),
            action: action,
            resource: .init(type: "tests", id: "1"),
            outcome: .succeeded,
            requestId: RequestID(),
            source: .init(address: "192.0.2.1", userAgent: userAgent)
        )
    }

    func append(_ records: [AuditRecord], to clinic: ClinicID) async throws {
        try await database.transaction(for: Tenant(clinic, actor: "test")) { tx in AuditStore.append(records, in: tx) }
    }

    func sequencer() throws -> AuditSequencer {
        let folder = Self.witness + "/\(RequestID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return AuditSequencer(
            database: database,
            signer: CheckpointSigner(keys: parts.audit, witness: WitnessFolder(path: folder)),
            log: logger
        )
    }

    func size(of clinic: ClinicID) async throws -> Int64 {
        try await database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            try AuditStore.size(of: clinic, in: tx)
        }
    }

    /// Gives all that waits in a clinic's log its place; other tests' sequencers may do it as well.
    func sequence(_ clinic: ClinicID) async throws {
        let sequencer = try sequencer()
        try await eventually("the entries of \(clinic) in sequence", within: .seconds(60)) {
            try await sequencer.sequence()
            return try await test.inspect("select count(*) from audit_pending where clinic_id = \(clinic)") {
                try $0[0][0] == 0
            }
        }
    }

    /// Has everything in a clinic's log signed; others may be at it for a moment.
    func sign(_ clinic: ClinicID) async throws {
        let sequencer = try sequencer()
        try await eventually("a checkpoint of everything") {
            await sequencer.sign([clinic], at: .now())
            return try await test.inspect(
                "select size = signed_size from audit_heads where clinic_id = \(clinic)"
            ) { rows -> Bool in try rows[0][0] }
        }
    }

    /// The clinic's audit entries that waited or have their place: reasons and outcomes by action.
    func entries(of clinic: ClinicID, action: String) async throws -> [AuditRecord] {
        try await test.inspect(
            """
            select head || convert_to('"seq":0', 'UTF8') || tail from audit_pending
            where clinic_id = \(clinic) and action = \(action)
            union all select leaf from audit_entries where clinic_id = \(clinic) and action = \(action)
            """
        ) { rows in
            try rows.map { row in
                let bytes: [UInt8] = try row[0]
                return try JSONTape(bytes).decode(AuditRecord.self)
            }
        }
    }
}

/// Made by the first who asks.
private actor SharedPerson {
    private var making: Task<AccessDesk.Person, any Error>?

    func value(_ desk: AccessDesk) async throws -> AccessDesk.Person {
        if let making { return try await making.value }
        let task = Task { try await desk.newSuperAdmin() }
        making = task
        return try await task.value
    }
}

extension BusReply {
    /// The problem's stable code.
    var code: String? {
        struct Coded: Decodable { var code: String? }
        return try? JSONTape(body).decode(Coded.self).code
    }
}

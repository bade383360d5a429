import AppointmentsAPI
import Authorization
import BillingAPI
import Bus
import Contracts
import Core
import Jobs
import Logging
import Outbound
import Outbox
import Postgres
import ProviderConfig
import Redis
import Settings
import Synchronization
import TestKit
import Testing
import Vault

@testable import Billing
@testable import ServiceHost

/// Billing for one new clinic, asked as the gateway asks it, on a real database with its jobs running: all but Redis.
struct BillingDesk: Sendable {
    static let endpoints = BillingEndpoints()
    static let publicURL = "https://clinic.example"

    /// What all tests of the process share: one key file, one provider, one set of workers.
    private struct House: Sendable {
        let test: TestDatabase
        let stripe: FakeStripe
        let definition: ServiceDefinition
        let dispatcher: Dispatcher
    }

    private static let house = Mutex<House?>(nil)

    let clinic = ClinicID()
    let patient = PatientID()
    let location = LocationID()
    let doctor = DoctorID()
    let visitType = VisitTypeID()
    /// This clinic's, so that a fault of the provider meets no other test.
    let secretKey: String
    let webhookSecret: String
    private let shared: House

    var test: TestDatabase { shared.test }
    var stripe: FakeStripe { shared.stripe }

    init() throws {
        secretKey = "sk_test_\(clinic)"
        webhookSecret = "whsec_\(clinic)"
        shared = try Self.house.withLock { house in
            if let house { return house }
            let made = try Self.make()
            house = made
            return made
        }
    }

    private static func make() throws -> House {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let keys = KeyFile.generate()
        let test = try TestDatabase.open("billing", migrations: BillingService.migrations)
        let redis = RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: log)
        let index = try BlindIndex(keys, service: .billing)
        let edgeKeys = EdgeKeys(edges: [:], currentID: "none")
        let host = HostResources(
            settings: Settings([:]),
            instance: "test",
            database: test.database,
            redis: redis,
            keyspace: Keyspace(),
            edgeKeys: edgeKeys,
            keys: keys,
            dataKeys: DataKeyStore(try DataKeys(keys, service: .billing), database: test.database),
            blindIndex: index,
            cursors: CursorSeal(index),
            publicURL: publicURL,
            log: log
        )
        let stripe = try FakeStripe()
        let definition = BillingService.definition(
            host,
            policy: try OutboundPolicy(allow: "loopback"),
            providers: [stripe]
        )
        try definition.handlers.complete(definition.endpoints)
        let follower = PolicyFollower(redis: redis, keyspace: Keyspace(), keys: edgeKeys, logger: log) { _ in
            throw Problem.unavailable("The policy")
        }
        let dispatcher = Dispatcher(
            service: .billing,
            handlers: definition.handlers.entries,
            database: test.database,
            replies: IdempotencyStore(dataKeys: host.dataKeys),
            policy: follower,
            log: log
        )
        let workers = JobWorkers(database: test.database, handlers: definition.jobs, logger: log)
        // The workers serve every test and end with the process.
        Task { try await workers.run() }
        return House(test: test, stripe: stripe, definition: definition, dispatcher: dispatcher)
    }

    // MARK: - Asking

    struct Answer<Output: Sendable>: Sendable {
        var status: Int
        var output: Output?
        var problem: JSONValue?
        var version: String?

        var code: String? { problem?["code"]?.string }
    }

    func ask<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        scope: Scope = .clinic,
        ifMatch: String? = nil,
        ifNoneMatch: String? = nil,
        key: String? = nil,
        headers: [String: String] = [:],
        clinic other: ClinicID? = nil
    ) async throws -> Answer<Output> {
        let request = BusRequest(
            operation: endpoint.name,
            clinic: other ?? clinic,
            principal: .system("test"),
            scope: scope,
            deadline: .after(.seconds(20)),
            idempotencyKey: key ?? "\(RequestID())",
            clientKey: key != nil,
            ifMatch: ifMatch,
            ifNoneMatch: ifNoneMatch,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: headers,
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await shared.dispatcher.answer(request, redelivered: false) else {
            throw TestKitError("\(endpoint.name) was left pending")
        }
        let tag = reply.headers.first { $0.0 == "ETag" }?.1
        if reply.status < 300 {
            let output = try reply.body.isEmpty ? nil : JSONTape(reply.body).decode(Output.self)
            return Answer(status: reply.status, output: output, problem: nil, version: tag)
        }
        return Answer(
            status: reply.status,
            output: nil,
            problem: try JSONTape(reply.body).decode(JSONValue.self),
            version: nil
        )
    }

    /// Tells billing an event, as its consumer is told.
    func tell<P: EventPayload>(
        _ payload: P,
        _ aggregate: String,
        _ version: Int64,
        id: EventID = EventID(),
        notify: Bool = true,
        clinic other: ClinicID? = nil
    ) async throws {
        let event = try EventEnvelope(
            payload,
            id: id,
            clinicId: other ?? clinic,
            actor: "test",
            at: .now(),
            aggregateId: aggregate,
            aggregateVersion: version,
            notify: notify
        )
        let intake = EventIntake(service: .billing, database: shared.test.database)
        for consumer in shared.definition.consumers where consumer.topic == P.topic {
            try await intake.take([event], for: consumer)
        }
    }

    // MARK: - What others do

    /// The visit type's present state, as the calendar tells it.
    func service(_ name: String = "Check-up") throws -> ServiceChanged {
        let json = """
            {"service":{"id":"\(visitType)","name":"\(name)","minutes":30,"price":{"amount":5000,"currency":"EUR"},
             "bufferBefore":0,"bufferAfter":0,"kinds":["in_person"],"active":true,"createdAt":"2026-11-21T09:00:00Z",
             "updatedAt":"2026-11-21T09:00:00Z"},"deleted":false}
            """
        return try JSONTape(Array(json.utf8)).decode(ServiceChanged.self)
    }

    func visit(
        _ id: AppointmentID = AppointmentID(),
        price: Int64 = 5_000,
        status: AppointmentStatus = .confirmed
    ) throws -> AppointmentState {
        let json = """
            {"id":"\(id)","doctorId":"\(doctor)","patientId":"\(patient)","serviceId":"\(visitType)","locationId":"\(location)",
             "kind":"in_person","status":"\(status.rawValue)","start":"2026-12-01T09:00:00Z","end":"2026-12-01T09:30:00Z",
             "minutes":30,"timeZone":"Europe/Berlin","localStart":"2026-12-01T10:00",
             "price":{"amount":\(price),"currency":"EUR"},"createdAt":"2026-11-21T09:00:00Z","updatedAt":"2026-11-21T09:00:00Z"}
            """
        return try JSONTape(Array(json.utf8)).decode(AppointmentState.self)
    }

    /// Books a visit and gives its invoice.
    @discardableResult
    func booked(price: Int64 = 5_000) async throws -> Invoice {
        let visit = try visit(price: price)
        try await tell(AppointmentBooked(appointment: visit), "\(visit.id)", 1)
        let page = try await ask(Self.endpoints.invoices.list, InvoiceListRequest(appointment: visit.id)).output
        return try #require(page?.items.first)
    }

    var credentials: [String: JSONValue] {
        [
            "secretKey": .string(secretKey), "publishableKey": "pk_test_1", "webhookSecret": .string(webhookSecret),
        ]
    }

    /// Sets the clinic's provider for the first time.
    func configure() async throws -> BillingConfig {
        let draft = BillingConfigDraft(primary: .init(provider: "stripe", credentials: credentials))
        let answer = try await ask(Self.endpoints.config.replace, draft, ifNoneMatch: "*")
        return try #require(answer.output, "\(answer.problem.map { "\($0)" } ?? "")")
    }

    func pay(_ invoice: Invoice, scope: Scope = .clinic, key: String? = nil) async throws -> Answer<Payment> {
        try await ask(Self.endpoints.payments.create, PaymentDraft(invoiceId: invoice.id), scope: scope, key: key)
    }

    func payment(_ id: PaymentID) async throws -> Payment {
        try #require(try await ask(Self.endpoints.payments.read, PaymentPath(id: id)).output)
    }

    func invoice(_ id: InvoiceID) async throws -> Invoice {
        try #require(try await ask(Self.endpoints.invoices.read, InvoicePath(id: id)).output)
    }

    /// Sends a signed notice that the intent has succeeded.
    func notify(
        _ payment: PaymentID,
        intent: String,
        event: String = "evt_\(RequestID())",
        secret: String? = nil,
        clinic other: ClinicID? = nil
    ) async throws -> Int {
        let (body, header) = FakeStripe.notice(
            event,
            about: intent,
            payment: payment.description,
            secret: secret ?? webhookSecret
        )
        return try await ask(
            Self.endpoints.payments.receiveNotice,
            WebhookPayload(provider: "stripe", clinicId: other ?? clinic, body: RawBody(body)),
            scope: .account,
            headers: ["stripe-signature": header],
            clinic: other
        ).status
    }

    func entries(of invoice: InvoiceID) async throws -> [LedgerEntry] {
        try #require(
            try await ask(Self.endpoints.ledger.entries, LedgerListRequest(invoice: invoice)).output
        ).items
    }

    /// The names of the clinic's events, in order.
    func events() async throws -> [String] {
        try await test.inspect(
            "select name from outbox where clinic_id = \(clinic) and part = 'events' order by position"
        ) { rows in try rows.map { try $0[0] } }
    }
}

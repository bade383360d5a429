import AccessAPI
import AppointmentsAPI
import Authorization
import Bus
import CommunicationAPI
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import Redis
import TestKit
import Testing
import Vault

@testable import Appointments
@testable import ServiceHost

/// The calendar of one new clinic, asked as the gateway asks it, on a real database.
struct ClinicCalendar {
    static let endpoints = AppointmentsEndpoints()

    let database: TestDatabase
    let clinic = ClinicID()
    let location = LocationID()
    let handlers: HandlerTable
    private let dispatcher: Dispatcher

    init() throws {
        database = try TestDatabase.open("appointments", migrations: AppointmentsService.migrations)
        let keys = KeyFile.generate()
        let index = try BlindIndex(keys, service: .appointments)
        let dataKeys = DataKeyStore(try DataKeys(keys, service: .appointments), database: database.database)
        let follower = PolicyFollower(
            redis: RedisClient(RedisEndpoint(host: "127.0.0.1", port: 1), name: "none", logger: Logger(label: "test")),
            keyspace: Keyspace(),
            keys: EdgeKeys(edges: [:], currentID: "none"),
            logger: Logger(label: "test")
        ) { _ in throw Problem.unavailable("The policy") }
        handlers = AppointmentsService.handlers(
            cursors: CursorSeal(index),
            configurations: AppointmentsService.configurations(dataKeys, index),
            policy: try OutboundPolicy(allow: nil)
        )
        dispatcher = Dispatcher(
            service: .appointments,
            handlers: handlers.entries,
            database: database.database,
            replies: IdempotencyStore(dataKeys: dataKeys),
            policy: follower,
            log: Logger(label: "test")
        )
    }

    /// What a request was answered with.
    struct Answer<Output: Sendable>: Sendable {
        var status: Int
        var output: Output?
        var problem: JSONValue?
        var version: String?

        var code: String? { problem?["code"]?.string }
        var faults: [String] {
            guard case .array(let errors) = problem?["errors"] else { return [] }
            return errors.map {
                "\($0["pointer"]?.string ?? $0["parameter"]?.string ?? ""): \($0["detail"]?.string ?? "")"
            }
        }
    }

    /// Asks for an operation.
    func ask<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        scope: Scope = .clinic,
        principal: Principal = Principal(kind: .user, id: "\(UserID(high: 1, low: 1))"),
        ifMatch: String? = nil,
        ifNoneMatch: String? = nil,
        key: String? = nil,
        clinic other: ClinicID? = nil
    ) async throws -> Answer<Output> {
        let bytes = try JSONWriter.encode(input)
        // What the gateway would refuse proves nothing about the service.
        let faults = try endpoint.inputSchema.violations(in: JSONTape(bytes))
        try #require(faults.isEmpty, "\(faults)")
        let request = BusRequest(
            operation: endpoint.name,
            clinic: other ?? clinic,
            principal: principal,
            scope: scope,
            deadline: .after(.seconds(10)),
            idempotencyKey: key ?? "\(RequestID())",
            clientKey: key != nil,
            ifMatch: ifMatch,
            ifNoneMatch: ifNoneMatch,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            input: bytes
        )
        guard case .reply(let reply) = await dispatcher.answer(request, redelivered: false) else {
            throw Problem.unavailable("The answer")
        }
        var answer = Answer<Output>(status: reply.status)
        answer.version = reply.headers.first { $0.0 == "ETag" }?.1
        if reply.status >= 400 {
            answer.problem = try JSONTape(reply.body).decode(JSONValue.self)
        } else if !reply.body.isEmpty {
            let output = try JSONTape(reply.body)
            let faults = try #require(try endpoint.outputSchema).violations(in: output)
            #expect(faults.isEmpty, "the reply is not what \(endpoint.name) declares: \(faults)")
            answer.output = try output.decode(Output.self)
        }
        return answer
    }

    /// Makes access tell of the clinic and its location.
    func settle(
        zone: String = "Europe/Berlin",
        location: LocationID? = nil,
        version: Int64 = 1,
        notify: Bool = true
    ) async throws {
        let zone = try #require(TimeZoneName(zone))
        let now = Instant.now()
        let clinicState = Clinic(
            id: clinic,
            slug: try #require(Slug("clinic-\(clinic.low % 100_000)")),
            name: "Clinic",
            timeZone: zone,
            currency: try #require(Currency("EUR")),
            country: "DE",
            locale: "de-DE",
            branding: nil,
            status: .active,
            createdAt: now,
            updatedAt: now
        )
        let place = Location(
            id: location ?? self.location,
            clinicId: clinic,
            name: "Main street",
            timeZone: zone,
            address: nil,
            phone: nil,
            createdAt: now,
            updatedAt: now
        )
        try await tell(ClinicChanged(clinic: clinicState), "\(clinic)", version, notify: notify)
        try await tell(LocationChanged(location: place), "\(place.id)", version, notify: notify)
    }

    /// Delivers an event of access.
    func tell(
        _ payload: some EventPayload,
        _ aggregate: String,
        _ version: Int64,
        id: EventID = EventID(),
        notify: Bool = true
    ) async throws {
        let event = try EventEnvelope(
            payload,
            id: id,
            clinicId: clinic,
            actor: "user:1",
            at: .now(),
            aggregateId: aggregate,
            aggregateVersion: version,
            notify: notify
        )
        try await EventIntake(service: .appointments, database: database.database)
            .take([event], for: AccessEvents.consumer)
    }

    /// Delivers what a patient has written, as communication tells of it.
    func hear(_ heard: InboundMessageReceived, id: EventID = EventID()) async throws {
        let event = try EventEnvelope(
            heard,
            id: id,
            clinicId: clinic,
            actor: "provider:twilio",
            at: .now(),
            aggregateId: "\(heard.id)",
            aggregateVersion: 1
        )
        try await EventIntake(service: .appointments, database: database.database)
            .take([event], for: VisitCommands(zones: ZoneCatalog()).consumer)
    }

    /// A visit of the patient in a week.
    func visit(
        _ ready: (doctor: Doctor, patient: Patient, service: VisitService),
        patient: Patient? = nil,
        hour: Int = 9
    ) async throws -> Appointment {
        let draft = AppointmentDraft(
            doctorId: ready.doctor.id,
            patientId: (patient ?? ready.patient).id,
            serviceId: ready.service.id,
            start: try morning(hour: hour),
            kind: .inPerson
        )
        return try #require(try await ask(Self.endpoints.appointments.book, draft).output)
    }

    /// The visit as it stands now.
    func present(_ visit: Appointment) async throws -> Appointment {
        try #require(try await ask(Self.endpoints.appointments.read, AppointmentPath(id: visit.id)).output)
    }

    /// Changes a visit's status, as operations that come before and after it would.
    func put(_ visit: Appointment, _ status: AppointmentStatus) throws {
        try database.asOwner(
            """
            alter table appointments.appointments no force row level security;
            update appointments.appointments set status = '\(status.rawValue)' where id = '\(visit.id)';
            alter table appointments.appointments force row level security
            """
        )
    }

    func doctor(_ name: String = "Dr. Okafor") async throws -> Doctor {
        try #require(try await ask(Self.endpoints.doctors.create, DoctorDraft(name: name)).output)
    }

    func patient(_ name: String = "Mira Castellanos", location: LocationID? = nil) async throws -> Patient {
        try #require(
            try await ask(Self.endpoints.patients.create, PatientDraft(name: name, locationId: location)).output
        )
    }

    func service(minutes: Int = 30, buffers: (Int, Int) = (0, 0)) async throws -> VisitService {
        let price = Money(amount: 8_000, currency: try #require(Currency("EUR")))
        let draft = VisitServiceDraft(
            name: "Consultation",
            minutes: minutes,
            price: price,
            bufferBefore: buffers.0,
            bufferAfter: buffers.1
        )
        return try #require(try await ask(Self.endpoints.services.create, draft).output)
    }

    /// Sets a doctor's hours: the same every day of the week.
    func open(_ doctor: DoctorID, from: String = "08:00", to: String = "18:00") async throws {
        let weekly = try Weekday.allCases.map {
            WeeklyHours(
                weekday: $0,
                locationId: location,
                from: try #require(TimeOfDay(from)),
                to: try #require(TimeOfDay(to))
            )
        }
        let answer = try await ask(
            Self.endpoints.availability.replace,
            AvailabilityDraft(id: doctor, weekly: weekly)
        )
        try #require(answer.status == 200)
    }

    /// A clinic that is ready for bookings.
    func ready(minutes: Int = 30) async throws -> (doctor: Doctor, patient: Patient, service: VisitService) {
        try await settle()
        let doctor = try await doctor()
        try await open(doctor.id)
        return (doctor, try await patient(), try await service(minutes: minutes))
    }

    /// Nine o'clock in Berlin so many days from now.
    func morning(inDays days: Int = 7, hour: Int = 9, minute: Int = 0) throws -> Instant {
        let rules = try #require(TimeZoneName("Europe/Berlin").flatMap(ZoneCatalog().rules))
        let date = rules.local(.now()).date.adding(days: days)
        return rules.instant(LocalTime(date: date, minutes: hour * 60 + minute))
    }

    /// Events of this clinic, oldest first.
    func events() async throws -> [EventEnvelope] {
        try await database.inspect(
            """
            select id, name, version, category, actor, at, aggregate_id, aggregate_version, notify, payload from outbox
            where clinic_id = \(clinic) and part = 'events' order by position
            """
        ) { rows in
            try rows.map { row in
                let category: String = try row[3]
                return EventEnvelope(
                    id: try row[0],
                    name: try row[1],
                    version: try row[2],
                    category: try #require(EventCategory(rawValue: category)),
                    priority: .normal,
                    clinicId: clinic,
                    actor: try row[4],
                    at: try row[5],
                    aggregateId: try row[6],
                    aggregateVersion: try row[7],
                    notify: try row[8],
                    payload: try row[9]
                )
            }
        }
    }

    /// Audit entries of this clinic, oldest first.
    func audit() async throws -> [AuditRecord] { try await database.audit(of: clinic) }
}

import AppointmentsAPI
import Contracts
import Core
import Postgres
import ServiceHost
import TestKit
import Testing
import Vault

@testable import Appointments

/// Doctors, patients and visit types.
@Suite(.timeLimit(.minutes(2))) struct CatalogTests {
    let calendar: ClinicCalendar
    let endpoints = ClinicCalendar.endpoints

    init() throws { calendar = try ClinicCalendar() }

    @Test func everyOperationHasItsHandler() throws {
        #expect(throws: Never.self) { try calendar.handlers.complete(endpoints.all) }
    }

    @Test func declaredOnceEach() {
        for group in [
            (endpoints.doctors.all.count, Mirror(reflecting: endpoints.doctors).children.count),
            (endpoints.patients.all.count, Mirror(reflecting: endpoints.patients).children.count),
            (endpoints.services.all.count, Mirror(reflecting: endpoints.services).children.count),
            (endpoints.availability.all.count, Mirror(reflecting: endpoints.availability).children.count),
            (endpoints.appointments.all.count, Mirror(reflecting: endpoints.appointments).children.count),
            (endpoints.video.all.count, Mirror(reflecting: endpoints.video).children.count),
            (endpoints.defaultVideo.all.count, Mirror(reflecting: endpoints.defaultVideo).children.count),
        ] { #expect(group.0 == group.1) }
        #expect(throws: Never.self) { try RouteTable(endpoints.all) }
        for endpoint in endpoints.all { #expect(throws: Never.self) { try InputAssembler(endpoint) } }
    }

    @Test func aDoctorsLife() async throws {
        let user = UserID()
        let made = try await calendar.ask(
            endpoints.doctors.create,
            DoctorDraft(name: "Dr. A", userId: user, specialty: "Dermatology")
        )
        #expect(made.status == 201)
        #expect(made.version == "\"1\"")
        let id = try #require(made.output?.id)
        let changed = try await calendar.ask(
            endpoints.doctors.update,
            DoctorPatch(id: id, name: "Dr. B", specialty: .clear),
            ifMatch: "\"1\""
        )
        #expect(changed.output?.name == "Dr. B")
        #expect(changed.output?.specialty == nil)
        #expect(changed.output?.userId == user)
        let stale = try await calendar.ask(endpoints.doctors.update, DoctorPatch(id: id, name: "x"), ifMatch: "\"1\"")
        #expect(stale.status == 412)
        #expect(try await calendar.ask(endpoints.doctors.delete, DoctorPath(id: id)).status == 204)
        #expect(try await calendar.ask(endpoints.doctors.read, DoctorPath(id: id)).status == 404)
        let events = try await calendar.events()
        #expect(events.map(\.aggregateVersion) == [1, 2, 3])
        #expect(try events.map { try $0.decode(DoctorChanged.self).deleted } == [false, false, true])
        let audit = try await calendar.audit()
        #expect(audit.map(\.action).prefix(2) == ["doctors:create", "doctors:update"])
        #expect(audit.first?.resource.id == "\(id)")
    }

    @Test func anAccountIsLinkedOnce() async throws {
        let user = UserID()
        #expect(try await calendar.ask(endpoints.doctors.create, DoctorDraft(name: "A", userId: user)).status == 201)
        let second = try await calendar.ask(endpoints.doctors.create, DoctorDraft(name: "B", userId: user))
        #expect(second.status == 409)
        #expect(second.code == "user_taken")
        let patient = try await calendar.patient()
        #expect(
            try await calendar.ask(endpoints.patients.update, PatientPatch(id: patient.id, userId: .set(user))).status
                == 200
        )
    }

    @Test func anotherClinicsAreNotThere() async throws {
        let doctor = try await calendar.doctor()
        let patient = try await calendar.patient()
        let other = ClinicID()
        #expect(try await calendar.ask(endpoints.doctors.read, DoctorPath(id: doctor.id), clinic: other).status == 404)
        let change = PatientPatch(id: patient.id, name: "x")
        #expect(try await calendar.ask(endpoints.patients.update, change, clinic: other).status == 404)
        #expect(try await calendar.ask(endpoints.patients.list, SearchRequest(), clinic: other).output?.items == [])
    }

    @Test func listsGoOnWhereTheyStopped() async throws {
        for index in 0..<5 { _ = try await calendar.patient("Patient \(index)") }
        var names: [String] = []
        var cursor: String?
        repeat {
            let page = try #require(
                try await calendar.ask(endpoints.patients.list, SearchRequest(limit: 2, cursor: cursor)).output
            )
            names += page.items.map(\.name)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(names == (0..<5).map { "Patient \($0)" })
        let first = try await calendar.ask(endpoints.patients.list, SearchRequest(limit: 2))
        let cursorOfAll = try #require(first.output?.nextCursor)
        let other = try await calendar.ask(endpoints.patients.list, SearchRequest(q: "x", cursor: cursorOfAll))
        #expect(other.status == 422, "a cursor is bound to its filter")
    }

    /// Each order over several pages, with two of one name.
    @Test(
        arguments: [
            (nil, [0, 1, 2, 3, 4]), (.oldestFirst, [0, 1, 2, 3, 4]), (.newestFirst, [4, 3, 2, 1, 0]),
            (.byName, [3, 1, 4, 2, 0]), (.byNameDescending, [0, 2, 4, 1, 3]),
        ] as [(DirectoryOrder?, [Int])]
    )
    func listsHaveTheOrderAskedFor(_ order: DirectoryOrder?, _ expected: [Int]) async throws {
        let names = ["e", "b", "d", "a", "b"]
        var made: [PatientID] = []
        for name in names {
            made.append(try await calendar.patient(name).id)
            #expect(try await calendar.ask(endpoints.doctors.create, DoctorDraft(name: name)).status == 201)
        }
        var (seen, doctors): ([PatientID], [String]) = ([], [])
        var (cursor, next): (String?, String?)
        repeat {
            let request = SearchRequest(sort: order, limit: 2, cursor: cursor)
            let page = try #require(try await calendar.ask(endpoints.patients.list, request).output)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
            let other = SearchRequest(sort: order, limit: 2, cursor: next)
            let beside = try #require(try await calendar.ask(endpoints.doctors.list, other).output)
            doctors += beside.items.map(\.name)
            next = beside.nextCursor
        } while cursor != nil
        #expect(seen == expected.map { made[$0] })
        #expect(doctors == expected.map { names[$0] })
        let first = try await calendar.ask(endpoints.patients.list, SearchRequest(sort: order, limit: 1)).output
        let turned: DirectoryOrder = order == .byName ? .newestFirst : .byName
        let misused = SearchRequest(sort: turned, cursor: first?.nextCursor)
        #expect(try await calendar.ask(endpoints.patients.list, misused).status == 422)
    }

    @Test func patientsAreFound() async throws {
        let email = try #require(EmailAddress("mira@example.org"))
        let draft = PatientDraft(name: "50%_Mira", email: email, phone: PhoneNumber("+4915112345678"))
        _ = try await calendar.ask(endpoints.patients.create, draft)
        _ = try await calendar.patient("Someone else")
        for word in ["mira", "50%_", "MIRA@example.org", "+4915112345678"] {
            let found = try await calendar.ask(endpoints.patients.list, SearchRequest(q: word)).output
            #expect(found?.items.map(\.name) == ["50%_Mira"], "\(word)")
        }
        for word in ["%m", "5_%", "mira@"] {
            #expect(
                try await calendar.ask(endpoints.patients.list, SearchRequest(q: word)).output?.items == [],
                "\(word)"
            )
        }
    }

    @Test func aServiceKeepsItsTerms() async throws {
        let service = try await calendar.service(minutes: 45)
        #expect(service.kinds == [.inPerson])
        let negative = Money(amount: -1, currency: service.price.currency)
        let refused = try await calendar.ask(
            endpoints.services.update,
            VisitServicePatch(id: service.id, price: negative)
        )
        #expect(refused.faults == ["/price/amount: must not be negative"])
        let changed = try await calendar.ask(
            endpoints.services.update,
            VisitServicePatch(id: service.id, minutes: 20, kinds: [.video, .inPerson])
        )
        #expect(changed.output?.kinds == [.inPerson, .video])
        let event = try #require(try await calendar.events().last)
        #expect(try event.decode(ServiceChanged.self).service == changed.output)
    }

    @Test func patientsReachOnlyThemselves() async throws {
        let mine = try await calendar.patient("Me")
        let other = try await calendar.patient("Other")
        let me = Principal(kind: .user, id: "\(UserID())", patient: mine.id)
        let scope = Scope.own(mine.id)
        func ask<I, O>(_ endpoint: Endpoint<I, O>, _ input: I) async throws -> ClinicCalendar.Answer<O> {
            try await calendar.ask(endpoint, input, scope: scope, principal: me)
        }
        #expect(try await ask(endpoints.patients.me, EmptyInput()).output?.id == mine.id)
        #expect(try await ask(endpoints.patients.read, PatientPath(id: other.id)).status == 404)
        #expect(try await ask(endpoints.patients.update, PatientPatch(id: other.id, name: "x")).status == 404)
        #expect(try await ask(endpoints.patients.list, SearchRequest()).output?.items.map(\.id) == [mine.id])
        #expect(try await ask(endpoints.patients.update, PatientPatch(id: mine.id, name: "Me again")).status == 200)
        let linking = PatientPatch(id: mine.id, userId: .set(UserID()))
        #expect(try await ask(endpoints.patients.update, linking).status == 403)
    }

    @Test func staffOfALocationReachItsPatients() async throws {
        let other = LocationID()
        try await calendar.settle()
        try await calendar.settle(location: other)
        let here = try await calendar.patient("Here", location: calendar.location)
        let there = try await calendar.patient("There", location: other)
        let nowhere = try await calendar.patient("Nowhere")
        let scope = Scope.locations([calendar.location])
        let found = try await calendar.ask(endpoints.patients.list, SearchRequest(), scope: scope).output?.items
        #expect(Set(found?.map(\.id) ?? []) == [here.id, nowhere.id])
        #expect(try await calendar.ask(endpoints.patients.read, PatientPath(id: there.id), scope: scope).status == 404)
        let moving = PatientPatch(id: here.id, locationId: .set(other))
        #expect(try await calendar.ask(endpoints.patients.update, moving, scope: scope).status == 403)
        let adding = PatientDraft(name: "x", locationId: other)
        #expect(try await calendar.ask(endpoints.patients.create, adding, scope: scope).status == 403)
    }

    @Test func anUnknownLocationMayComeYet() async throws {
        let draft = PatientDraft(name: "Early", locationId: calendar.location)
        let early = try await calendar.ask(endpoints.patients.create, draft)
        #expect(early.status == 409)
        #expect(early.code == "location_unknown")
        #expect(early.problem?["retryable"] == true)
        try await calendar.settle()
        #expect(try await calendar.ask(endpoints.patients.create, draft).status == 201)
    }
}

import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// What a clinic has here, told again for those who build their projections anew.
@Suite(.timeLimit(.minutes(2))) struct ResendingTests {
    let desk: AccessDesk

    init() throws { desk = try AccessDesk() }

    @Test func everythingIsToldAsItIsAndWhoLeftAsGone() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let member = try await desk.member(["RECEPTIONIST"], of: clinic, by: root)
        let former = try await desk.member(["RECEPTIONIST"], of: clinic, by: root)
        let endpoints = LocationEndpoints()
        let kept = try await location("Kept", of: clinic, by: root)
        let closed = try await location("Closed", of: clinic, by: root)
        let path = LocationPath(clinicId: clinic, locationId: closed)
        #expect(try await desk.call(endpoints.delete, path, as: root, in: clinic).status == 204)
        let leaving = MemberPath(clinicId: clinic, userId: former.id)
        #expect(try await desk.call(MemberEndpoints().remove, leaving, as: root, in: clinic).status == 204)

        try await desk.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
            for list in Resending.lists { _ = try list(nil, 500, tx) }
        }
        let told = try await told(of: clinic)
        #expect(told.filter { $0.name == ClinicChanged.kind }.count == 1)
        let places = try told.filter { $0.name == LocationChanged.kind }.map { try $0.decode(LocationChanged.self) }
        #expect(places.map(\.location.id) == [closed, kept] && places.map(\.deleted) == [true, false])
        let people = try told.filter { $0.name == UserChanged.kind }.map { try $0.decode(UserChanged.self) }
        #expect(people.first { $0.user.id == member.id }?.deleted == false)
        #expect(people.first { $0.user.id == former.id }?.deleted == true)
    }

    private func location(_ name: String, of clinic: ClinicID, by root: AccessDesk.Person) async throws -> LocationID {
        let draft = LocationDraft(clinicId: clinic, name: name)
        return try await desk.ask(LocationEndpoints().create, draft, as: root, in: clinic).id
    }

    private func told(of clinic: ClinicID) async throws -> [EventEnvelope] {
        try await desk.test.inspect(
            """
            select name, aggregate_id, aggregate_version, payload from outbox
            where clinic_id = \(clinic) and part = 'events' and not notify order by position
            """
        ) { rows in
            try rows.map { row in
                EventEnvelope(
                    id: EventID(),
                    name: try row[0],
                    version: 1,
                    category: .clinic,
                    priority: .normal,
                    clinicId: clinic,
                    actor: "test",
                    at: .now(),
                    aggregateId: try row[1],
                    aggregateVersion: try row[2],
                    notify: false,
                    payload: try row[3]
                )
            }
        }
    }
}

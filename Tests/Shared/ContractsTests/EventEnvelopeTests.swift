import Contracts
import Core
import Testing

@Suite struct EventEnvelopeTests {
    private struct Booked: EventPayload, Equatable {
        static let kind = "appointment.booked"
        static let category = EventCategory.appointment
        static let topic = ServiceName.appointments
        var patientId: PatientID
        var note: String?
    }

    @Test func roundTripsWithItsPayload() throws {
        let payload = Booked(patientId: PatientID(), note: "é\"")
        let envelope = try EventEnvelope(
            payload,
            clinicId: ClinicID(),
            actor: "user:1",
            at: Instant(seconds: 5),
            aggregateId: "a",
            aggregateVersion: 3
        )
        let bytes = try JSONWriter.encode(envelope)
        let again = try JSONTape(bytes).decode(EventEnvelope.self)
        #expect(again == envelope)
        #expect(try again.decode(Booked.self) == payload)
        #expect(again.priority == .normal)
        #expect(text(bytes).contains(#""category":"APPOINTMENT""#))
        #expect(text(bytes).contains(#""payload":{"patientId":""#))
    }

    @Test func ignoresMembersOfLaterVersions() throws {
        let id = PatientID()
        let later = EventEnvelope(
            id: EventID(),
            name: Booked.kind,
            version: 2,
            category: .appointment,
            priority: .normal,
            clinicId: ClinicID(),
            actor: "system:x",
            at: Instant(seconds: 0),
            aggregateId: "a",
            aggregateVersion: 1,
            notify: false,
            payload: bytes(#"{"new":[{}],"patientId":"\#(id)"}"#)
        )
        #expect(try later.decode(Booked.self) == Booked(patientId: id))
    }

    @Test func everyGroupIsAServiceAndNobodyListensToItself() {
        for (topic, groups) in EventGroups.all {
            #expect(groups.allSatisfy { ServiceName(rawValue: $0) != nil && $0 != topic.rawValue })
            #expect(Set(groups).count == groups.count)
        }
        #expect(Set(EventGroups.all.keys) == Set(ServiceName.allCases))
    }

    @Test(arguments: ["a:b", "api_keys:create"]) func readsPermissions(_ name: String) throws {
        #expect(try #require(Permission(parsing: name)).name == name)
    }

    @Test(arguments: ["", "a", "a:", ":b", "a:b:c", "A:b", "a:b1", "a b:c"]) func refusesPermissions(_ name: String) {
        #expect(Permission(parsing: name) == nil)
    }
}

import AccessAPI
import AppointmentsAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Appointments

/// Who registers and proves an address is tied to the one record that has it.
@Suite(.timeLimit(.minutes(1))) struct PatientMatchTests {
    let calendar: ClinicCalendar
    private let email: EmailAddress

    init() throws {
        calendar = try ClinicCalendar()
        email = try #require(EmailAddress("Mira.\(RequestID())@example.org"))
    }

    private func record(
        _ email: EmailAddress? = nil,
        phone: PhoneNumber? = nil,
        born: String? = nil
    ) async throws -> Patient {
        let date = born.flatMap { CalendarDate($0) }
        let draft = PatientDraft(name: "Mira", email: email, phone: phone, birthDate: date)
        return try #require(try await calendar.ask(ClinicCalendar.endpoints.patients.create, draft).output)
    }

    private func owner(of patient: Patient) async throws -> UserID? {
        let path = PatientPath(id: patient.id)
        return try await calendar.ask(ClinicCalendar.endpoints.patients.read, path).output?.userId
    }

    private func register(
        _ user: UserID = UserID(),
        _ address: EmailAddress? = nil,
        born: String? = nil,
        id: EventID = EventID()
    ) async throws {
        let payload = PatientRegistered(
            userId: user,
            email: address ?? email,
            birthDate: born.flatMap { CalendarDate($0) }
        )
        try await calendar.tell(payload, "registration:\(user)", 1, id: id)
    }

    @Test func theOnlyRecordWithTheAddressIsTiedAndToldOf() async throws {
        let record = try await record(email, born: "1984-02-29")
        let other = try await self.record(EmailAddress("other.\(RequestID())@example.org"))
        let user = UserID()
        let lower = try #require(EmailAddress(email.normalized))
        let id = EventID()
        for _ in 0..<2 { try await register(user, lower, born: "1984-02-29", id: id) }
        #expect(try await owner(of: record) == user)
        #expect(try await owner(of: other) == nil)
        let told = try #require(try await calendar.events().last)
        #expect(told.aggregateVersion == 2 && told.notify)
        #expect(try told.decode(PatientChanged.self).patient.userId == user)
        let entries = try await calendar.audit()
        let entry = try #require(entries.last { $0.reason == "verified_match" })
        #expect(entry.patientId == record.id && entry.actor.type == "system" && entry.action == "patients:update")
        #expect(entries.count { $0.reason == "verified_match" } == 1)
    }

    @Test func anAddressThatAFamilySharesTiesNobody() async throws {
        let mother = try await record(email, born: "1984-02-29")
        let child = try await record(email, born: "2015-06-01")
        try await register(born: "1984-02-29")
        #expect(try await owner(of: mother) == nil)
        #expect(try await owner(of: child) == nil)
        // Once the other is gone there is no doubt any more, for who registers then.
        let gone = try await calendar.ask(ClinicCalendar.endpoints.patients.delete, PatientPath(id: child.id))
        #expect(gone.status == 204)
        let user = UserID()
        try await register(user, born: "1984-02-29")
        #expect(try await owner(of: mother) == user)
    }

    @Test func aNumberTiesWithTheDateOfBirthOnly() async throws {
        let number = try #require(PhoneNumber("+4915\(Int.random(in: 100_000_000...999_999_999))"))
        let record = try await record(phone: number, born: "1984-02-29")
        func register(_ user: UserID, born: String?) async throws {
            let date = born.flatMap { CalendarDate($0) }
            let payload = PatientRegistered(userId: user, email: nil, phone: number, birthDate: date)
            try await calendar.tell(payload, "registration:\(user)", 1)
        }
        for born in [nil, "1984-03-01"] { try await register(UserID(), born: born) }
        #expect(try await owner(of: record) == nil)
        let child = try await self.record(phone: number, born: "2015-06-01")
        try await register(UserID(), born: "1984-02-29")
        #expect(try await owner(of: record) == nil)
        #expect(try await owner(of: child) == nil)
        _ = try await calendar.ask(ClinicCalendar.endpoints.patients.delete, PatientPath(id: child.id))
        let user = UserID()
        try await register(user, born: "1984-02-29")
        #expect(try await owner(of: record) == user)
    }

    @Test func anotherDateOfBirthTiesNobody() async throws {
        let record = try await record(email, born: "1984-02-29")
        try await register(born: "1984-03-01")
        #expect(try await owner(of: record) == nil)
    }

    @Test func whatIsSomebodysStaysTheirs() async throws {
        let record = try await record(email)
        let (first, second) = (UserID(), UserID())
        try await register(first)
        try await register(second)
        #expect(try await owner(of: record) == first)
        // Nor does anybody get a second record.
        let address = try #require(EmailAddress("second.\(RequestID())@example.org"))
        let another = try await self.record(address)
        try await register(first, address)
        #expect(try await owner(of: another) == nil)
    }

    @Test func anotherClinicsRecordIsNotTouched() async throws {
        let record = try await record(email)
        let other = try ClinicCalendar()
        try await other.tell(
            PatientRegistered(userId: UserID(), email: email, birthDate: nil),
            "registration",
            1
        )
        #expect(try await owner(of: record) == nil)
    }
}

import AccessAPI
import Bus
import Contracts
import Core
import Jobs
import Postgres
import TestKit
import Testing

@testable import Access

/// A number for one's own account: it counts once the code that was sent to it has come back.
@Suite(.timeLimit(.minutes(5))) struct OwnPhoneTests {
    let phones: PhoneDesk
    private var desk: AccessDesk { phones.desk }

    init() throws { phones = try PhoneDesk() }

    private func nurse() async throws -> (AccessDesk.Person, ClinicID) {
        let clinic = try await phones.clinic()
        return (try await desk.member(["NURSE"], of: clinic, by: try await desk.superAdmin()), clinic)
    }

    private func ask(_ phone: PhoneNumber, _ person: AccessDesk.Person) async throws -> BusReply {
        try await phones.patch(MePatch(phone: .set(phone), currentPassword: person.password), as: person)
    }

    private func prove(_ phone: PhoneNumber, _ code: String, _ person: AccessDesk.Person) async throws -> BusReply {
        try await phones.patch(MePatch(phone: .set(phone), phoneCode: code), as: person)
    }

    @Test func itCountsOnceItsCodeHasComeBack() async throws {
        let (nurse, clinic) = try await nurse()
        let phone = try PhoneDesk.number()
        #expect(try await phones.patch(MePatch(phone: .set(phone)), as: nurse).status == 422)
        let wrong = MePatch(phone: .set(phone), currentPassword: "not the password")
        #expect(try await phones.patch(wrong, as: nurse).code == "invalid_credentials")
        #expect(try await desk.codes(of: clinic, to: phone).isEmpty)
        let asked = try JSONTape(try await ask(phone, nurse).body).decode(Me.self)
        #expect(asked.user.phone == nil && asked.pendingPhone == phone)
        let code = try await phones.code(of: clinic, to: phone)
        // It is no code to sign in with, neither for the number nor for the account.
        #expect(try await phones.verify(code, phone, at: clinic).code == "invalid_code")
        let guess = code == "000000" ? "000001" : "000000"
        #expect(try await prove(phone, guess, nurse).code == "invalid_code")
        #expect(try await phones.me(nurse).user.phone == nil)
        let proved = try JSONTape(try await prove(phone, code, nurse).body).decode(Me.self)
        #expect(proved.user.phone == phone && proved.pendingPhone == nil)
        #expect(try await desk.notices(of: clinic, to: nurse.email).last?.request.template == .phoneChanged)
        // Once more is no other number.
        #expect(try await prove(phone, code, nurse).status == 200)
        #expect(try await phones.signIn(phone, at: clinic).id == nurse.id)
        #expect(try await desk.login(nurse).id == nurse.id)
    }

    @Test func anothersNumberIsNotTold() async throws {
        let (nurse, clinic) = try await nurse()
        let (taken, free) = (try PhoneDesk.number(), try PhoneDesk.number())
        let owner = try await phones.patient(taken, of: clinic)
        func shape(_ phone: PhoneNumber) async throws -> String {
            let reply = try await ask(phone, nurse)
            return "\(reply.status) " + String(decoding: reply.body, as: UTF8.self).replacing(phone.number, with: "?")
        }
        // The version rises with every request, so the reply's body is what is compared.
        #expect(try await shape(taken) == (try await shape(free)))
        #expect(try await desk.notices(of: clinic, phone: taken).last?.request.template == .accountExists)
        for code in ["000000", "123456"] { #expect(try await prove(taken, code, nurse).code == "invalid_code") }
        #expect(try await phones.signIn(taken, at: clinic).id == owner.id)
    }

    /// Two accounts at two clinics prove the same number: it becomes the first one's.
    @Test func ofTwoWhoProveANumberOneGetsIt() async throws {
        let (first, here) = try await nurse()
        let (second, there) = try await nurse()
        let phone = try PhoneDesk.number()
        _ = try await ask(phone, first)
        _ = try await ask(phone, second)
        let codes = [try await phones.code(of: here, to: phone), try await phones.code(of: there, to: phone)]
        async let one = prove(phone, codes[0], first)
        async let two = prove(phone, codes[1], second)
        let statuses = [try await one.status, try await two.status]
        #expect(statuses.sorted() == [200, 401])
        let owners = [try await phones.me(first).user.phone, try await phones.me(second).user.phone]
        #expect(owners.count { $0 == phone } == 1)
    }

    @Test func theLastAddressStays() async throws {
        let (nurse, clinic) = try await nurse()
        let phone = try PhoneDesk.number()
        _ = try await ask(phone, nurse)
        _ = try await prove(phone, try await phones.code(of: clinic, to: phone), nurse)
        #expect(try await phones.patch(MePatch(phone: .clear), as: nurse).status == 200)
        #expect(try await phones.me(nurse).user.phone == nil)
        let patient = try await phones.patient(phone, of: clinic)
        #expect(try await phones.patch(MePatch(phone: .clear), as: patient).code == "last_address")
        // Who has no password has shown all that they have by signing in.
        let next = try PhoneDesk.number()
        #expect(try await phones.patch(MePatch(phone: .set(next)), as: patient).status == 200)
        #expect(try await prove(next, try await phones.code(of: clinic, to: next), patient).status == 200)
        #expect(try await desk.notices(of: clinic, phone: phone).last?.request.template == .phoneChanged)
        #expect(try await phones.signIn(next, at: clinic).id == patient.id)
        _ = try await phones.ask(phone, at: clinic)
        #expect(try await phones.verify("123456", phone, at: clinic).status == 401)
    }

    @Test func everyClinicHearsOfIt() async throws {
        let (nurse, clinic) = try await nurse()
        let phone = try PhoneDesk.number()
        _ = try await ask(phone, nurse)
        _ = try await prove(phone, try await phones.code(of: clinic, to: phone), nurse)
        let desk = desk
        try await desk.withJobs {
            try await eventually("the clinic was told") {
                try await desk.test.inspect(
                    """
                    select payload from outbox where clinic_id = \(clinic) and name = \(UserChanged.kind)
                        and aggregate_id = \("member:\(nurse.id)") order by aggregate_version desc limit 1
                    """
                ) { rows in try JSONTape(try rows[0][0]).decode(UserChanged.self).user.phone == phone }
            }
        }
    }

    @Test func anotherVersionIsNotOverwritten() async throws {
        let (nurse, _) = try await nurse()
        let phone = try PhoneDesk.number()
        let patch = MePatch(phone: .set(phone), currentPassword: nurse.password)
        #expect(try await phones.patch(patch, as: nurse, ifMatch: "\"999\"").status == 412)
        #expect(try await phones.patch(MePatch(phone: .clear), as: nurse, ifMatch: "\"999\"").status == 412)
        #expect(try await phones.patch(MePatch(phoneCode: "123456"), as: nurse).status == 422)
    }
}

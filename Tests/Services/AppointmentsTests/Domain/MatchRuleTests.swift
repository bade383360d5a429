import AppointmentsAPI
import Contracts
import Core
import Testing

@testable import Appointments

/// A record is tied to an account only where there is no doubt whose it is.
@Suite struct MatchRuleTests {
    private static func record(of user: UserID? = nil, born: String? = "1984-02-29") -> Patient {
        Patient(
            id: PatientID(),
            userId: user,
            name: "Mira Castellanos",
            email: EmailAddress("mira@example.org"),
            phone: nil,
            birthDate: born.flatMap { CalendarDate($0) },
            locale: nil,
            locationId: nil,
            createdAt: .now(),
            updatedAt: .now()
        )
    }

    @Test(
        arguments: [
            ([record()], nil, true),
            ([record()], "1984-02-29", true),
            ([record()], "1984-02-28", false),
            // The clinic does not know the date that was given: that is no match.
            ([record(born: nil)], "1984-02-29", false),
            ([record(born: nil)], nil, true),
            ([record(of: UserID())], nil, false),
            ([], nil, false),
            // A family's address; not even the date of birth decides.
            ([record(), record(born: "2015-06-01")], nil, false),
            ([record(), record(born: "2015-06-01")], "1984-02-29", false),
            ([record(), record(of: UserID())], nil, false),
        ] as [([Patient], String?, Bool)]
    )
    func whoseRecordItIs(_ records: [Patient], _ birthDate: String?, _ isMatch: Bool) {
        let date = birthDate.flatMap { CalendarDate($0) }
        let match = MatchRule.match(records, by: .email(.placeholder), birthDate: date)
        #expect(match?.id == (isMatch ? records.first?.id : nil))
        // A number ties nobody without the date.
        let byPhone = MatchRule.match(records, by: .phone(.placeholder), birthDate: date)
        #expect(byPhone?.id == (isMatch && date != nil ? records.first?.id : nil))
    }
}

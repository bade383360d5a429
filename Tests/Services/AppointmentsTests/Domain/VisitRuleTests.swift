import AppointmentsAPI
import Contracts
import Core
import Testing

@testable import Appointments

/// What can be done with a visit when, and what a patient's reply means.
@Suite struct VisitRuleTests {
    private let now = Instant(seconds: 1_800_000_000)

    private func visit(_ status: AppointmentStatus, startsIn seconds: Int) throws -> Appointment {
        let start = now + .seconds(seconds)
        return Appointment(
            id: AppointmentID(),
            doctorId: DoctorID(),
            patientId: PatientID(),
            serviceId: VisitTypeID(),
            locationId: LocationID(),
            kind: .inPerson,
            status: status,
            start: start,
            end: start + .seconds(1_800),
            minutes: 30,
            timeZone: try #require(TimeZoneName("Europe/Berlin")),
            localStart: "2027-01-15T09:00",
            price: Money(amount: 1, currency: try #require(Currency("EUR"))),
            notes: nil,
            cancellation: nil,
            createdAt: now,
            updatedAt: now
        )
    }

    /// Every status and what can be done in it while the visit is to come.
    @Test(
        arguments: [
            (.pending, [.reschedule, .cancel], .notApproved), (.approved, [.confirm, .reschedule, .cancel], nil),
            (.confirmed, [.confirm, .reschedule, .cancel], nil), (.checkedIn, [], .begun), (.inProgress, [], .begun),
            (.completed, [], .begun), (.noShow, [], .begun), (.cancelled, [], .cancelled),
        ] as [(AppointmentStatus, [VisitMove], VisitRefusal?)]
    )
    func movesFollowTheTable(status: AppointmentStatus, allowed: [VisitMove], otherwise: VisitRefusal?) throws {
        let visit = try visit(status, startsIn: 1)
        for move in VisitMove.allCases {
            let refusal = move.refusal(of: visit, at: now)
            #expect(refusal == (allowed.contains(move) ? nil : otherwise), "\(move) of \(status)")
        }
    }

    @Test func nothingIsDoneOnceTheVisitBegins() throws {
        for status in AppointmentStatus.upcoming {
            for move in VisitMove.allCases {
                #expect(move.refusal(of: try visit(status, startsIn: 0), at: now) == .begun)
            }
        }
        #expect(VisitMove.cancel.refusal(of: try visit(.cancelled, startsIn: -60), at: now) == .cancelled)
    }

    @Test(
        arguments: [
            ("confirm", nil, false, .confirm), ("cancel", nil, false, .cancel), ("reschedule", nil, false, .reschedule),
            ("yes", nil, true, .confirm), ("no", nil, true, .cancel), ("yes", nil, false, nil), ("no", nil, false, nil),
            ("stop", nil, true, nil), ("start", nil, true, nil), ("help", nil, true, nil), (nil, 1, true, nil),
            (nil, nil, true, nil),
        ] as [(String?, Int?, Bool, VisitReply?)]
    )
    func repliesMean(command: String?, choice: Int?, isAboutVisit: Bool, reply: VisitReply?) {
        let read = VisitReply(command: command, choice: choice, offered: [], isAboutVisit: isAboutVisit)
        #expect(read == reply)
    }

    @Test func withTimesToChooseFromRepliesMeanThem() {
        let times = [now, now + .seconds(1_800)]
        func read(_ command: String?, _ choice: Int? = nil) -> VisitReply? {
            VisitReply(command: command, choice: choice, offered: times, isAboutVisit: true)
        }
        #expect(read(nil, 1) == .choose(times[0]) && read(nil, 2) == .choose(times[1]))
        #expect(read(nil, 3) == nil && read(nil, 0) == nil && read(nil, 9) == nil)
        #expect(read("no") == .keep && read("yes") == .reschedule)
        #expect(read("cancel") == .cancel && read("confirm") == .confirm)
    }

    /// Only a number may be an answer to them, and that is asked.
    @Test func afterAnotherVisitRepliesDoNotMeanTheTimes() {
        func read(_ command: String?, _ choice: Int? = nil) -> VisitReply? {
            VisitReply(command: command, choice: choice, offered: [now], isAboutVisit: true, isAboutAnother: true)
        }
        #expect(read("no") == .cancel && read("yes") == .confirm && read("reschedule") == .reschedule)
        #expect(read(nil, 1) == .offerAgain && read(nil, 2) == nil)
    }
}

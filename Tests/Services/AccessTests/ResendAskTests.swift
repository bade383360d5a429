import AccessAPI
import Authorization
import Contracts
import Core
import TestKit
import Testing

@testable import Access

/// A service that has lost what it keeps of others is told everything again: once for each question, and not without end.
@Suite(.timeLimit(.minutes(2))) struct ResendAskTests {
    let desk: AccessDesk
    private let endpoint = PolicyEndpoints().askResend

    init() throws { desk = try AccessDesk() }

    @Test func aQuestionReachesTheOwnersOfEveryClinicOnce() async throws {
        let root = try await desk.superAdmin()
        let clinics = [try await desk.clinic(by: root), try await desk.clinic(by: root)]
        let ask = ResendAsk(id: EventID(), service: .communication, topics: [.access, .appointments])
        for _ in 0..<2 { #expect(try await desk.call(endpoint, ask).status == 204) }
        try await desk.withJobs([OrderResends()]) {
            for clinic in clinics {
                try await eventually("\(clinic) is told") { try await wanted(ask, clinic).count == 1 }
            }
            try await eventually("the job has ended") { try await jobs("access.order_resends", .installation) == 0 }
            // The same question again, as after a lost reply.
            #expect(try await desk.call(endpoint, ask).status == 204)
            #expect(try await jobs("access.order_resends", .installation) == 0)
        }
        for clinic in clinics {
            #expect(try await wanted(ask, clinic).first?.topics == [.access, .appointments])
            #expect(try await jobs("host.resend", clinic) == 1)
        }
    }

    @Test func aJobThatIsBegunAgainTellsNothingTwice() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let ask = ResendAsk(id: EventID(), service: .billing, topics: [.appointments])
        for _ in 0..<2 {
            try await OrderResends.order(ask, of: clinic, in: desk.database)
        }
        #expect(try await wanted(ask, clinic).count == 1)
        #expect(try await jobs("host.resend", clinic) == 0, "access itself is not asked")
    }

    /// Gateways ask nothing of the kind, so the number is this test's own.
    @Test func whoAsksTooOftenIsPutOff() async throws {
        var answers: [Int] = []
        for _ in 0...ResendAskStore.most {
            let ask = ResendAsk(id: EventID(), service: .appointments, topics: [.access])
            answers.append(try await desk.call(endpoint, ask).status)
        }
        #expect(answers == Array(repeating: 204, count: ResendAskStore.most) + [429])
    }

    private func wanted(_ ask: ResendAsk, _ clinic: ClinicID) async throws -> [ResendWanted] {
        try await desk.test.inspect(
            "select payload from outbox where clinic_id = \(clinic) and aggregate_id = \("resend:\(ask.id)")"
        ) { rows in try rows.map { try JSONTape(try $0[0]).decode(ResendWanted.self) } }
    }

    private func jobs(_ handler: String, _ clinic: ClinicID) async throws -> Int {
        try await desk.test.inspect(
            "select count(*) from jobs where clinic_id = \(clinic) and handler = \(handler)"
        ) { try $0[0][0] }
    }
}

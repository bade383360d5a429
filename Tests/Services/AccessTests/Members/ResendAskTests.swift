import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
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
        let ask = ResendAsk(id: EventID(), service: .communication, topics: [.appointments, .billing])
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
            #expect(try await wanted(ask, clinic).first?.topics == [.appointments, .billing])
            #expect(try await jobs("host.resend", clinic) == 0, "access itself is not asked")
        }
    }

    @Test func aJobThatIsBegunAgainTellsNothingTwice() async throws {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        let ask = ResendAsk(id: EventID(), service: .billing, topics: [.access, .appointments])
        for _ in 0..<2 {
            try await OrderResends.order(ask, of: clinic, in: desk.database)
        }
        #expect(try await wanted(ask, clinic).count == 1)
        #expect(try await jobs("host.resend", clinic) == 1)
    }

    /// No other test asks for this service.
    @Test func whoAsksTooOftenIsPutOff() async throws {
        @Sendable func question() -> ResendAsk {
            ResendAsk(id: EventID(), service: .appointments, topics: [.access])
        }
        var verdicts: [ResendAskStore.Verdict] = []
        let first = question()
        // Without the job: it would reach the clinics of all tests.
        for ask in [first] + (0..<ResendAskStore.most).map({ _ in question() }) + [first] {
            verdicts.append(
                try await desk.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
                    try ResendAskStore.take(ask, at: .now(), in: tx)
                }
            )
        }
        #expect(verdicts == Array(repeating: .new, count: ResendAskStore.most) + [.tooMany, .known])
        let refused = try await desk.call(endpoint, question())
        #expect(refused.status == 429 && refused.code == "too_many_asks")
        let later = Instant.now() + ResendAskStore.window + .seconds(60)
        let heard = try await desk.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
            try ResendAskStore.take(question(), at: later, in: tx)
        }
        #expect(heard == .new)
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

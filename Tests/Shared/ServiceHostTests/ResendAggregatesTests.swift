import Core
import Jobs
import TestKit
import Testing

@testable import ServiceHost

/// What is ordered is sent once for each clinic, in a transaction of that clinic.
@Suite(.timeLimit(.minutes(1))) struct ResendAggregatesTests {
    @Test func anOrderThatWaitsIsNotDoubled() async throws {
        let host = try EventHost("resend_order")
        let other = ClinicID()
        for _ in 0..<2 { try await ResendAggregates.order(for: [host.clinic, other], in: host.database) }
        #expect(try await host.jobsLeft() == 2)
        let job = ResendAggregates(resend: { tx in try EventHost.note("told", in: tx) }, outboxWake: WakeSignal())
        try await host.working([job]) {
            try await eventually { try await host.jobsLeft() == 0 }
            #expect(try await host.labels() == ["told"])
            // What is done may be ordered anew.
            try await ResendAggregates.order(for: [host.clinic], in: host.database)
            try await eventually { try await host.labels() == ["told", "told"] }
        }
    }
}

import CommunicationAPI
import Core
import Testing

@testable import Communication

/// What is known of receipts, with a clock of the test's own.
@Suite struct ReceiptLatenciesTests {
    private let clock = OffsetClock()
    private let latencies: ReceiptLatencies
    private let attempt = ReportedAttempt(
        message: MessageID(),
        number: 1,
        providerMessageID: nil,
        channel: "sms",
        provider: "twilio",
        fingerprint: "f",
        startedAt: .now(),
        isOpen: false
    )

    init() {
        let clock = clock
        latencies = ReceiptLatencies(now: { clock.now })
    }

    private func key(_ clinic: ClinicID = ClinicID()) -> CircuitKey { CircuitKey(clinic, attempt) }

    @Test func theyAreForgottenWithTime() {
        let key = key()
        for seconds in [1, 2, 3, 400] { latencies.note(key, after: .seconds(seconds)) }
        #expect(latencies.figures(key) == ReceiptLatencies.Figures(count: 4, late: 1, median: .seconds(2)))
        #expect(latencies.figures(self.key()) == ReceiptLatencies.Figures())
        clock.advance(TrafficShareRules.receiptWindow)
        #expect(latencies.figures(key) == ReceiptLatencies.Figures())
    }

    @Test func theLastFewAreKept() {
        let key = key()
        for _ in 0..<ReceiptLatencies.mostKept { latencies.note(key, after: .seconds(400)) }
        for _ in 0..<ReceiptLatencies.mostKept { latencies.note(key, after: .seconds(1)) }
        let last = ReceiptLatencies.Figures(count: ReceiptLatencies.mostKept, late: 0, median: .seconds(1))
        #expect(latencies.figures(key) == last)
    }

    @Test func thereIsRoomForSoMany() {
        let first = key()
        latencies.note(first, after: .seconds(1))
        clock.advance(TrafficShareRules.receiptWindow)
        let kept = (1..<ReceiptLatencies.capacity).map { _ in key() }
        for key in kept { latencies.note(key, after: .seconds(1)) }
        #expect(latencies.count == ReceiptLatencies.capacity)
        // Room is made of what nobody needs first.
        latencies.note(key(), after: .seconds(1))
        #expect(latencies.count == ReceiptLatencies.capacity && kept.allSatisfy { latencies.figures($0).count == 1 })
        latencies.note(key(), after: .seconds(1))
        #expect(latencies.count == ReceiptLatencies.capacity)
    }
}

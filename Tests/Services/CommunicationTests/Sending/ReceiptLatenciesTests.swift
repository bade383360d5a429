import CommunicationAPI
import Core
import Testing

@testable import Communication

/// What is known of receipts, with a clock of the test's own.
@Suite struct ReceiptLatenciesTests {
    private let clock = OffsetClock()
    private let book: ReceiptLatencies
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
        book = ReceiptLatencies(now: { clock.now })
    }

    private func key(_ clinic: ClinicID = ClinicID()) -> CircuitKey { CircuitKey(clinic, attempt) }

    @Test func theyAreForgottenWithTime() {
        let key = key()
        for seconds in [1, 2, 3, 400] { book.note(key, after: .seconds(seconds)) }
        #expect(book.figures(key) == ReceiptLatencies.Figures(count: 4, late: 1, median: .seconds(2)))
        #expect(book.figures(self.key()) == ReceiptLatencies.Figures())
        clock.advance(TrafficShareRules.receiptWindow)
        #expect(book.figures(key) == ReceiptLatencies.Figures())
    }

    @Test func theLastFewAreKept() {
        let key = key()
        for _ in 0..<ReceiptLatencies.mostKept { book.note(key, after: .seconds(400)) }
        for _ in 0..<ReceiptLatencies.mostKept { book.note(key, after: .seconds(1)) }
        let last = ReceiptLatencies.Figures(count: ReceiptLatencies.mostKept, late: 0, median: .seconds(1))
        #expect(book.figures(key) == last)
    }

    @Test func thereIsRoomForSoMany() {
        let first = key()
        book.note(first, after: .seconds(1))
        clock.advance(TrafficShareRules.receiptWindow)
        let kept = (1..<ReceiptLatencies.capacity).map { _ in key() }
        for key in kept { book.note(key, after: .seconds(1)) }
        #expect(book.count == ReceiptLatencies.capacity)
        // Room is made of what nobody needs first.
        book.note(key(), after: .seconds(1))
        #expect(book.count == ReceiptLatencies.capacity && kept.allSatisfy { book.figures($0).count == 1 })
        book.note(key(), after: .seconds(1))
        #expect(book.count == ReceiptLatencies.capacity)
    }
}

import Bus
import Contracts
import Core
import Synchronization
import TestKit
import Testing

/// Events that wait for a database say so once.
@Suite(.timeLimit(.minutes(1))) struct EventOutageTests {
    private struct Away: TransientFailure {
        var isTransient: Bool { true }
        var logDescription: String { "away" }
    }

    @Test func anOutageIsSaidOnceAndSoIsItsEnd() async throws {
        try await TestBus.with { bus in
            let recorder = LogRecorder()
            let tries = Mutex(0)
            let events = (0..<8).map { TestBus.event(number: $0) }
            try await bus.publisher().publish(events, to: .appointments).expectCount(8)
            let consumer = EventConsumer(
                redis: bus.redis,
                keyspace: bus.keyspace,
                keys: bus.keys("billing"),
                topic: .appointments,
                group: "billing",
                instance: "i-\(RequestID())",
                concurrency: 1,
                logger: recorder.logger,
                poison: { _, _, _ in Issue.record("nothing is poison") },
                handle: { _ in
                    let isAway = tries.withLock { tries in
                        tries += 1
                        return tries <= 6
                    }
                    if isAway { throw Away() }
                }
            )
            try await bus.running([consumer]) {
                try await eventually("nothing is pending") {
                    guard tries.withLock({ $0 > 6 }) else { return false }
                    return try await bus.pending(.appointments, "billing") == 0
                }
            }
            #expect(recorder.messages.filter { $0 == "events wait" }.count == 1)
            #expect(recorder.messages.filter { $0 == "events are taken in again" }.count == 1)
        }
    }
}

import Bus
import Contracts
import Core
import Jobs
import Outbox
import Synchronization
import TestKit
import Testing

@testable import ServiceHost

/// An event that was given up can be taken in again, once its cause is mended.
@Suite(.timeLimit(.minutes(1))) struct ReplayEventTests {
    private func consumer(_ isMended: @escaping @Sendable () -> Bool = { true }) -> ServiceDefinition.Consumer {
        .init(of: .appointments, [ThingChanged.self]) { event, tx in
            guard isMended() else { throw TestKitError("not mended") }
            try EventHost.note(try event.decode(ThingChanged.self).label, in: tx)
        }
    }

    @Test func aMendedEventIsTakenInOnce() async throws {
        let host = try EventHost("replay_mended")
        let isMended = Mutex(false)
        let consumer = consumer { isMended.withLock { $0 } }
        let event = try host.event("one")
        await #expect(throws: TestKitError.self) { try await host.intake.take([event], for: consumer) }
        try await host.setAside(event)
        isMended.withLock { $0 = true }
        try await host.working([ReplayEvent(intake: host.intake, consumers: [consumer])]) {
            #expect(try await DeadLetters.replay(event.id.retagged(), of: host.clinic, through: host.database))
            try await eventually { try await host.labels() == ["one"] }
            try await eventually { try await host.jobsLeft() == 0 }
        }
        #expect(try await DeadLetters.list(through: host.database).isEmpty)
        // A delivery that comes after all finds it taken in.
        try await host.intake.take([event], for: consumer)
        #expect(try await host.labels() == ["one"])
    }

    @Test func replayedTwiceItIsTakenInOnce() async throws {
        let host = try EventHost("replay_twice")
        let consumer = consumer()
        let event = try host.event("one")
        for _ in 0..<2 {
            // The bus gives it up anew while its first job waits.
            try await host.setAside(event)
            #expect(try await DeadLetters.replay(event.id.retagged(), of: host.clinic, through: host.database))
            #expect(try await !DeadLetters.replay(event.id.retagged(), of: host.clinic, through: host.database))
        }
        #expect(try await host.jobsLeft() == 2)
        try await host.working([ReplayEvent(intake: host.intake, consumers: [consumer])]) {
            try await eventually { try await host.jobsLeft() == 0 }
        }
        #expect(try await host.labels() == ["one"])
    }

    @Test func anotherClinicsEventIsNotFound() async throws {
        let host = try EventHost("replay_clinic")
        let event = try host.event("one")
        try await host.setAside(event)
        #expect(try await !DeadLetters.replay(event.id.retagged(), of: ClinicID(), through: host.database))
        #expect(try await DeadLetters.list(through: host.database).map(\.source) == ["event"])
        #expect(try await host.jobsLeft() == 0)
    }

    @Test func anAuditEntryGoesToWhoStoresIt() async throws {
        let host = try EventHost("replay_audit")
        let stored = Mutex<[EventID]>([])
        var entry = try host.event("entry")
        entry.name = Outbox.auditKind
        let storing = ServiceDefinition.Consumer(of: .billing, part: .audit) { events in
            stored.withLock { $0 += events.map(\.id) }
        }
        try await host.setAside(entry)
        #expect(try await DeadLetters.replay(entry.id.retagged(), of: host.clinic, through: host.database))
        try await host.working([ReplayEvent(intake: host.intake, consumers: [storing, consumer()])]) {
            try await eventually { try await host.jobsLeft() == 0 }
        }
        #expect(stored.withLock { $0 } == [entry.id])
        #expect(try await host.labels().isEmpty)
    }

    @Test func whatNobodyTakesInIsSetAsideAgain() async throws {
        let host = try EventHost("replay_nobody")
        let event = try host.event("one")
        try await host.setAside(event)
        #expect(try await DeadLetters.replay(event.id.retagged(), of: host.clinic, through: host.database))
        try await host.working([ReplayEvent(intake: host.intake, consumers: [])]) {
            try await eventually { try await host.jobsLeft() == 0 }
        }
        #expect(try await DeadLetters.list(through: host.database).map(\.reason) == ["no_consumer"])
    }
}

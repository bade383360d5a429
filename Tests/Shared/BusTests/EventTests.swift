import Bus
import Contracts
import Core
import LocalServers
import Redis
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct EventTests {
    @Test func everyGroupGetsEveryEvent() async throws {
        try await TestBus.with { bus in
            let events = (0..<50).map { TestBus.event(number: $0) }
            let billing = Tally<EventEnvelope>()
            let communication = Tally<EventEnvelope>()
            try await bus.publisher().ensureGroups(.appointments)
            let ids = try await bus.publisher().publish(events, to: .appointments)
            #expect(ids.count == 50 && ids == ids.sorted())
            let consumers = [
                bus.consumer { billing.note($0) },
                bus.consumer { billing.note($0) },
                bus.consumer("communication") { communication.note($0) },
            ]
            try await bus.running(consumers) {
                try await eventually("all arrive") { billing.total >= 50 && communication.total >= 50 }
            }
            #expect(billing.all == Dictionary(uniqueKeysWithValues: events.map { ($0, 1) }))
            #expect(communication.all == billing.all)
        }
    }

    @Test func aFailingHandlerIsTriedAgainUntilItIsDone() async throws {
        struct Broken: Error {}
        try await TestBus.with { bus in
            let tries = Tally<EventID>()
            let done = Tally<EventID>()
            try await bus.publisher().publish([TestBus.event(), TestBus.event()], to: .appointments).expectCount(2)
            let consumer = bus.consumer { event in
                if tries.note(event.id) < 3 { throw Broken() }
                done.note(event.id)
            }
            try await bus.running([consumer]) { try await eventually("both are done") { done.total == 2 } }
            #expect(tries.all.values.allSatisfy { $0 == 3 } && done.all.values.allSatisfy { $0 == 1 })
        }
    }

    @Test func poisonIsSetAsideAloneAfterItsLastDelivery() async throws {
        struct Broken: Error {}
        try await TestBus.with { bus in
            let poison = TestBus.event("poison")
            let good = (0..<20).map { TestBus.event(number: $0) }
            let tries = Tally<EventID>()
            let buried = Tally<EventID>()
            try await bus.publisher().publish(good.prefix(10) + [poison] + good.suffix(10), to: .appointments)
                .expectCount(21)
            let consumer = bus.consumer(poison: { event, deliveries, type in
                #expect(deliveries == EventConsumer.deliveriesMax && type == "Broken")
                buried.note(event.id)
            }) { event in
                tries.note(event.id)
                if event.id == poison.id { throw Broken() }
            }
            try await bus.running([consumer]) {
                try await eventually("poison is set aside") { buried.total == 1 }
                try await eventually("nothing is pending") { try await bus.pending(.appointments, "billing") == 0 }
            }
            #expect(buried.all == [poison.id: 1])
            #expect(tries[poison.id] == Int(EventConsumer.deliveriesMax))
            #expect(good.allSatisfy { tries[$0.id] == 1 })
        }
    }

    @Test func eventsThatComeTogetherAreOfferedTogetherAndPoisonAmongThemAlone() async throws {
        struct Broken: Error {}
        try await TestBus.with { bus in
            let poison = TestBus.event("poison")
            let good = (0..<40).map { TestBus.event(number: $0) }
            let buried = Tally<EventID>()
            let taken = Tally<EventID>()
            let largest = Tally<Int>()
            try await bus.publisher().publish(good.prefix(20) + [poison] + good.suffix(20), to: .appointments)
                .expectCount(41)
            let consumer = bus.consumer(together: 64, poison: { event, _, _ in buried.note(event.id) }) { events in
                largest.note(events.count)
                if events.contains(where: { $0.id == poison.id }) { throw Broken() }
                for event in events { taken.note(event.id) }
            }
            try await bus.running([consumer]) {
                try await eventually("poison is set aside") { buried.total == 1 }
                try await eventually("nothing is pending") { try await bus.pending(.appointments, "billing") == 0 }
            }
            #expect(largest.all.keys.max() == 41)
            #expect(buried.all == [poison.id: 1])
            #expect(good.allSatisfy { taken[$0.id] == 1 } && taken[poison.id] == 0)
        }
    }

    @Test func aKindAboveOursWaitsForANewerReplica() async throws {
        try await TestBus.with { bus in
            let offered = Tally<EventID>()
            let event = TestBus.event()
            try await bus.publisher().publish([event], to: .appointments).expectCount(1)
            let old = bus.consumer { event in
                offered.note(event.id)
                throw EventConsumer.NotUnderstood()
            }
            try await bus.running([old]) {
                try await eventually("is offered") { offered.total == 1 }
                try await eventually("counts as not delivered") {
                    let rows = try await bus.redis.send([
                        "XPENDING", .text(bus.keyspace.events(.appointments)), "billing", "-", "+", "1",
                    ])
                    return rows.array?.first?.array?.last?.integer == 0
                }
            }
            let taken = Tally<EventID>()
            // The old replica is gone, and its entry is claimed.
            let new = bus.consumer { taken.note($0.id) }
            try await bus.running([new]) { try await eventually("is taken") { taken.total == 1 } }
            #expect(offered.total == 1)
        }
    }

    @Test func allThatADeadPeerHadTakenIsTakenOverWithoutDelay() async throws {
        try await TestBus.with { bus in
            let stream = bus.keyspace.events(.appointments)
            let events = (0..<300).map { TestBus.event(number: $0) }
            try await bus.publisher().ensureGroups(.appointments)
            try await bus.publisher().publish(events, to: .appointments).expectCount(300)
            let given = try await bus.redis.send([
                "XREADGROUP", "GROUP", "billing", "dead", "COUNT", "300", "STREAMS", .text(stream), ">",
            ])
            #expect(try given.readEntries().count == 300)
            let taken = Tally<EventID>()
            try await bus.running([bus.consumer { taken.note($0.id) }]) {
                try await eventually("all are taken") { taken.total == 300 }
                try await eventually("nothing is pending") { try await bus.pending(.appointments, "billing") == 0 }
            }
            #expect(events.allSatisfy { taken[$0.id] == 1 })
        }
    }

    @Test func aWipedTopicIsReadAgainFromItsStart() async throws {
        let own = try TestBus.ownServer()
        defer { own.stop() }
        try await TestBus.with(server: own) { bus in
            let seen = Tally<EventID>()
            let consumer = bus.consumer { seen.note($0.id) }
            try await bus.running([consumer]) {
                for round in 0..<3 {
                    let events = (0..<20).map { TestBus.event(number: $0) }
                    try await bus.publisher().publish(events, to: .appointments).expectCount(20)
                    try await eventually("round \(round) arrives") { events.allSatisfy { seen[$0.id] == 1 } }
                    _ = try await bus.redis.send(["FLUSHALL"])
                }
                #expect(consumer.isReady)
            }
        }
    }

    @Test func trimmingNeverDropsWhatAGroupHasNotDone() async throws {
        try await TestBus.with { bus in
            let publisher = bus.publisher()
            let stream = bus.keyspace.events(.appointments)
            #expect(try await publisher.trim(.appointments) == nil)
            let ids = try await publisher.publish((0..<10).map { TestBus.event(number: $0) }, to: .appointments)
            // A declared group is missing: nothing may go.
            #expect(try await publisher.trim(.appointments) == nil)
            #expect(Set(try await publisher.ensureGroups(.appointments)) == Set(EventGroups.all[.appointments] ?? []))
            #expect(try await publisher.ensureGroups(.appointments) == [])
            for group in EventGroups.all[.appointments] ?? [] where group != "billing" {
                try await bus.readAll(stream, group, acknowledging: 0..<10)
            }
            #expect(try await publisher.trim(.appointments).map { $0 <= ids[0] } == true)
            #expect(try await bus.redis.send(["XLEN", .text(stream)]).integer == 10)
            // Billing has acknowledged all but the fourth.
            try await bus.readAll(stream, "billing", acknowledging: 0..<3)
            _ = try await bus.redis.send(
                RedisCommand(["XACK", .text(stream), "billing"] + ids[4...].map { .text($0.description) })
            )
            #expect(try await publisher.trim(.appointments) == ids[3])
            #expect(try await publisher.present(ids, in: .appointments) == Set(ids[3...]))
            _ = try await bus.redis.send(["XACK", .text(stream), "billing", .text(ids[3].description)])
            #expect(try await publisher.trim(.appointments).map { $0 > ids[9] } == true)
            #expect(try await publisher.present(ids, in: .appointments).isEmpty)
        }
    }

    @Test func publishingPausesWhenNobodyConsumes() async throws {
        try await TestBus.with { bus in
            let publisher = bus.publisher()
            let stream = bus.keyspace.events(.appointments)
            var large = TestBus.event()
            large.payload = Array("{\"x\":\"\(String(repeating: "y", count: 4 << 20))\"}".utf8)
            await #expect(throws: EventPublisher.Paused.self) {
                for _ in 0..<40 { _ = try await publisher.publish([large], to: .appointments) }
            }
            let bytes = try await bus.redis.send(["MEMORY", "USAGE", .text(stream)]).integer ?? 0
            #expect(bytes >= EventPublisher.bytesMax && bytes < EventPublisher.bytesMax + 8 << 20)
            _ = try await bus.redis.send(["DEL", .text(stream)])
            #expect(try await publisher.publish([large], to: .appointments).count == 1)
            _ = try await bus.redis.send(["DEL", .text(stream)])
        }
    }

    @Test func aTamperedEventIsSetAside() async throws {
        try await TestBus.with { bus in
            let seen = Tally<EventID>()
            let stream = bus.keyspace.events(.appointments)
            let event = TestBus.event()
            try await bus.publisher().publish([event], to: .appointments).expectCount(1)
            let entries = try await bus.redis.send(["XRANGE", .text(stream), "-", "+"]).entries()
            var fields = try #require(entries.first?.fields)
            fields[3][20] ^= 1
            _ = try await bus.redis.send(RedisCommand(["XADD", .text(stream), "*"] + fields.map { .bytes($0) }))
            let consumer = bus.consumer { seen.note($0.id) }
            try await bus.running([consumer]) {
                try await eventually("is set aside") {
                    try await bus.redis.send(["XLEN", .text(bus.keyspace.eventQuarantine(.appointments))]).integer == 1
                }
                try await eventually("nothing is pending") { try await bus.pending(.appointments, "billing") == 0 }
            }
            #expect(seen.all == [event.id: 1])
        }
    }

    @Test func epochsTellAWipedRedis() async throws {
        try await TestBus.with { bus in
            let epochs = RedisEpochs(redis: bus.redis, keyspace: bus.keyspace)
            #expect(try await epochs.read("billing") == nil)
            try await epochs.write("e1", for: "billing")
            #expect(try await epochs.read("billing") == "e1")
            #expect(try await epochs.read("access") == nil)
            #expect(try await epochs.runID().utf8.count == 40)
        }
    }
}

extension [EntryID] {
    func expectCount(_ count: Int) { #expect(self.count == count) }
}

extension TestBus {
    func pending(_ topic: ServiceName, _ group: String) async throws -> Int64? {
        try await redis.send(["XPENDING", .text(keyspace.events(topic)), .text(group)]).array?.first?.integer
    }

    /// Reads everything as one consumer and acknowledges some of it.
    func readAll(_ stream: String, _ group: String, acknowledging range: Range<Int>) async throws {
        let entries = try await redis.send([
            "XREADGROUP", "GROUP", .text(group), "me", "COUNT", "100", "STREAMS", .text(stream), ">",
        ]).readEntries()
        let ids = entries[range].map { RedisArgument.text($0.id.description) }
        _ = try await redis.send(RedisCommand(["XACK", .text(stream), .text(group)] + ids))
    }
}

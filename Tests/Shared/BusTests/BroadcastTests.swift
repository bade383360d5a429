import Bus
import Core
import Redis
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct BroadcastTests {
    func listener(
        _ bus: TestBus,
        news: Tally<Int64>,
        reloads: Tally<String>,
        countsVersions: Bool = true
    ) -> BroadcastListener {
        BroadcastListener(
            redis: bus.redis,
            keyspace: bus.keyspace,
            keys: bus.keys("gateway"),
            topic: "configuration",
            countsVersions: countsVersions,
            logger: TestBus.quiet,
            onNews: {
                #expect($0.writer == "billing" && $0.payload == [1, 2])
                news.note($0.version)
            },
            onReload: { reloads.note("reload") }
        )
    }

    func publisher(_ bus: TestBus) -> BroadcastPublisher {
        BroadcastPublisher(redis: bus.redis, keyspace: bus.keyspace, keys: bus.keys("billing"), process: "billing")
    }

    @Test func everyListenerHearsAll() async throws {
        try await TestBus.with { bus in
            let heard = [Tally<Int64>(), Tally<Int64>()]
            let reloads = Tally<String>()
            let listeners = heard.map { listener(bus, news: $0, reloads: reloads) }
            try await bus.running(listeners) {
                try await eventually("both have loaded") { reloads.total == 2 }
                for version in 1...20 {
                    try await publisher(bus).publish([1, 2], version: Int64(version), to: "configuration")
                }
                try await eventually("both have heard") { heard.allSatisfy { $0.total == 20 } }
            }
            #expect(heard.allSatisfy { $0.all == Dictionary(uniqueKeysWithValues: (1...20).map { ($0, 1) }) })
            #expect(reloads.total == 2)
        }
    }

    @Test func aMissingVersionReloads() async throws {
        try await TestBus.with { bus in
            let news = Tally<Int64>()
            let reloads = Tally<String>()
            try await bus.running([listener(bus, news: news, reloads: reloads)]) {
                try await eventually("has loaded") { reloads.total == 1 }
                try await publisher(bus).publish([1, 2], version: 1, to: "configuration")
                try await publisher(bus).publish([1, 2], version: 2, to: "configuration")
                try await eventually("hears") { news.total == 2 }
                try await publisher(bus).publish([1, 2], version: 5, to: "configuration")
                try await eventually("has loaded again") { reloads.total == 2 }
                try await publisher(bus).publish([1, 2], version: 6, to: "configuration")
                try await eventually("hears on") { news[6] == 1 }
            }
        }
    }

    @Test func aForgottenTopicReloads() async throws {
        try await TestBus.with { bus in
            let news = Tally<Int64>()
            let reloads = Tally<String>()
            try await bus.running([listener(bus, news: news, reloads: reloads, countsVersions: false)]) {
                try await eventually("has loaded") { reloads.total == 1 }
                try await publisher(bus).publish([1, 2], version: 1, to: "configuration")
                try await eventually("hears") { news.total == 1 }
                _ = try await bus.redis.send(["DEL", .text(bus.keyspace.broadcast("configuration"))])
                try await eventually("has loaded again") { reloads.total == 2 }
                try await publisher(bus).publish([1, 2], version: 9, to: "configuration")
                try await eventually("hears on") { news[9] == 1 }
            }
        }
    }

    @Test func aFailedLoadIsTriedAgain() async throws {
        struct Broken: Error {}
        try await TestBus.with { bus in
            let loads = Tally<String>()
            let listener = BroadcastListener(
                redis: bus.redis,
                keyspace: bus.keyspace,
                keys: bus.keys("gateway"),
                topic: "access",
                logger: TestBus.quiet,
                onNews: { _ in },
                onReload: { if loads.note("load") < 3 { throw Broken() } }
            )
            try await bus.running([listener]) { try await eventually("has loaded") { loads.total == 3 } }
        }
    }

    @Test func liveProcessesAreListed() async throws {
        try await TestBus.with { bus in
            let report = ProcessReport(process: "gateway", instance: "i1", keyIDs: ["k1"])
            let registry = ProcessRegistry(
                redis: bus.redis,
                keyspace: bus.keyspace,
                report: report,
                logger: TestBus.quiet
            )
            #expect(try await ProcessRegistry.live(redis: bus.redis, keyspace: bus.keyspace).isEmpty)
            try await registry.reportOnce()
            #expect(try await ProcessRegistry.live(redis: bus.redis, keyspace: bus.keyspace).map(\.keyIDs) == [["k1"]])
        }
    }
}

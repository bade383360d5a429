import Core
import Logging
import Redis
import TestKit
import Testing

@testable import Bus

@Suite(.timeLimit(.minutes(2))) struct SealTests {
    let stream = "s"
    let edge = Edge.requests(from: "gateway", to: .billing)
    let header = EntryHeader(
        kind: .request,
        writer: "gateway",
        instance: "i",
        keyID: "k1",
        id: RequestID(),
        clinic: ClinicID(),
        principal: "user:1",
        deadline: Instant(seconds: 1),
        traceparent: TraceContext().traceparent
    )

    func keys(_ process: String) -> EdgeKeys { EdgeKeys(ring: TestBus.ring, currentID: "k1", process: process) }

    func entry(_ sealed: SealedEntry) -> StreamEntry {
        StreamEntry(
            id: .zero,
            fields: sealed.fields.map {
                if case .bytes(let bytes) = $0 {
                    bytes
                } else if case .text(let text) = $0 {
                    Array(text.utf8)
                } else {
                    []
                }
            }
        )
    }

    @Test func opensWhereItWasMeantTo() throws {
        let sealed = try SealedEntry([1, 2, 3], header: header, edge: edge, stream: stream, keys: keys("gateway"))
        let read = try SealedEntry(entry(sealed))
        #expect(read.header == header)
        #expect(try read.open(edge: edge, stream: stream, keys: keys("billing")) == [1, 2, 3])
    }

    @Test func opensNowhereElse() throws {
        let sealed = try SealedEntry([1, 2, 3], header: header, edge: edge, stream: stream, keys: keys("gateway"))
        let read = try SealedEntry(entry(sealed))
        #expect(throws: SealedEntry.Failure.forged) {
            _ = try read.open(edge: edge, stream: "other", keys: keys("billing"))
        }
        #expect(throws: SealedEntry.Failure.forged) {
            _ = try read.open(edge: .requests(from: "operator", to: .billing), stream: stream, keys: keys("billing"))
        }
        #expect(throws: SealedEntry.Failure.forged) {
            _ = try read.open(edge: edge, stream: stream, keys: keys("appointments"))
        }
        let stranger = EdgeKeys(ring: [("k2", [UInt8](repeating: 1, count: 32))], currentID: "k2", process: "billing")
        #expect(throws: SealedEntry.Failure.unknownKey("k1")) {
            _ = try read.open(edge: edge, stream: stream, keys: stranger)
        }
        let wrong = EdgeKeys(ring: [("k1", [UInt8](repeating: 1, count: 32))], currentID: "k1", process: "billing")
        #expect(throws: SealedEntry.Failure.forged) { _ = try read.open(edge: edge, stream: stream, keys: wrong) }
    }

    @Test func everyChangedByteIsFoundOut() throws {
        let sealed = try SealedEntry([1, 2, 3], header: header, edge: edge, stream: stream, keys: keys("gateway"))
        let whole = entry(sealed)
        for field in [1, 3] {
            for index in whole.fields[field].indices {
                var fields = whole.fields
                fields[field][index] ^= 1
                #expect(throws: SealedEntry.Failure.self) {
                    let read = try SealedEntry(StreamEntry(id: .zero, fields: fields))
                    _ = try read.open(edge: edge, stream: stream, keys: keys("billing"))
                }
            }
        }
    }

    @Test func aServiceCannotSpeakForTheGateway() {
        let all = Set(Edge.all.map(\.edge.name))
        for service in ServiceName.allCases {
            let held = EdgeKeys.derive(from: TestBus.ring[0].key, for: service.rawValue)
            #expect(Set(held.keys).isSubset(of: all))
            for other in ServiceName.allCases where other != service {
                #expect(held["gateway>requests:\(other.rawValue)"] == nil)
                #expect(held["\(other.rawValue)>replies:\(other.rawValue):gateway"] == nil)
            }
        }
        let names = Set(Edge.all.map(\.edge.name))
        #expect(names.count == Edge.all.count)
        let keys = Set(names.compactMap { name in EdgeKeys.derive(from: TestBus.ring[0].key, for: "gateway")[name] })
        #expect(keys.count == EdgeKeys.derive(from: TestBus.ring[0].key, for: "gateway").count)
    }

    @Test func aForgedRequestGoesToTheQuarantineAndAnUnknownKeyWaits() async throws {
        try await TestBus.with { bus in
            let runs = Tally<String>()
            let server = bus.server { request, _ in
                runs.note(request.operation)
                return .reply(BusReply(status: 200))
            }
            let stream = bus.keyspace.requests(.billing)
            try await bus.running([server]) {
                try await eventually("is ready") { server.isReady }
                var forged = header
                forged.deadline = .now() + .seconds(60)
                let sealed = try SealedEntry(
                    [1],
                    header: forged,
                    edge: edge,
                    stream: "elsewhere",
                    keys: keys("gateway")
                )
                _ = try await bus.redis.send(RedisCommand(["XADD", .text(stream), "*"] + sealed.fields))
                _ = try await bus.redis.send(["XADD", .text(stream), "*", "nothing", "here"])
                try await eventually("is set aside") {
                    try await bus.redis.send(["XLEN", .text(bus.keyspace.requestQuarantine(.billing))]).integer == 2
                }
                #expect(try await bus.redis.send(["XLEN", .text(stream)]).integer == 0)
                #expect(server.isReady)

                forged.keyID = "k9"
                let ring = [(id: "k9", key: [UInt8](repeating: 9, count: 32))]
                let ahead = try SealedEntry(
                    [1],
                    header: forged,
                    edge: edge,
                    stream: stream,
                    keys: bus.keys("gateway", ring: ring, current: "k9")
                )
                _ = try await bus.redis.send(RedisCommand(["XADD", .text(stream), "*"] + ahead.fields))
                try await eventually("is not ready") { !server.isReady }
                #expect(try await bus.redis.send(["XLEN", .text(stream)]).integer == 1)
                #expect(
                    try await bus.redis.send(["XLEN", .text(bus.keyspace.requestQuarantine(.billing))]).integer == 2
                )
            }
            #expect(runs.all.isEmpty)
        }
    }

    @Test func aServicePosingAsTheGatewayIsRefused() async throws {
        try await TestBus.with { bus in
            let runs = Tally<String>()
            let server = bus.server { request, _ in
                runs.note(request.operation)
                return .reply(BusReply(status: 200))
            }
            // Communication has no key for requests to billing: it cannot even seal one.
            let client = bus.client(process: "communication")
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                await #expect(throws: SealedEntry.Failure.self) {
                    _ = try await client.send(TestBus.request(), to: .billing)
                }
            }
            #expect(runs.all.isEmpty)
        }
    }
}

import Bus
import Contracts
import Core
import LocalServers
import ServiceLifecycle
import Synchronization
import TestKit
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(2))) struct RequestTests {
    /// What a request has beside the body that it carries, in bytes, generously.
    private static let frame = 256 << 10

    @Test func theLongestRequestsFitIntoOneReply() {
        let together = RequestServer.readAtOnceMax * (BodyKind.mostBytes + Self.frame)
        #expect(together <= RedisConnection.replyBytesMax)
    }

    @Test func aRequestArrivesWholeAndItsReplyToo() async throws {
        try await TestBus.with { bus in
            let seen = Mutex<BusRequest?>(nil)
            let server = bus.server { request, redelivered in
                seen.withLock { $0 = request }
                #expect(!redelivered)
                return .reply(
                    BusReply(
                        status: 201,
                        contentType: "application/json",
                        headers: [("ETag", "\"3\""), ("Location", "/x")],
                        body: request.input,
                        nextPage: "next"
                    )
                )
            }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                var request = TestBus.request("{\"a\":\"ü\"}")
                request.scope = .locations([LocationID(), LocationID()])
                request.principal.patient = PatientID()
                request.ifMatch = "\"7\""
                request.page = "page"
                request.clientKey = true
                request.headers = ["stripe-signature": "t=1", "x-other": ""]
                let reply = try await client.send(request, to: .billing)
                #expect(reply.status == 201 && reply.body == request.input && reply.nextPage == "next")
                #expect(reply.headers.map(\.0) == ["ETag", "Location"] && reply.headers.map(\.1) == ["\"3\"", "/x"])
                var arrived = try #require(seen.withLock { $0 })
                #expect(abs((arrived.deadline.at - request.deadline.at).milliseconds) < 500)
                arrived.deadline = request.deadline
                #expect(arrived == request)
                #expect(client.inFlight == 0)
                let left = try await bus.redis.send(["XLEN", .text(bus.keyspace.requests(.billing))])
                #expect(left.integer == 0)
            }
        }
    }

    @Test func twoServersShareManyRequests() async throws {
        try await TestBus.with { bus in
            let tally = Tally<RequestID>()
            let byServer = Tally<Int>()
            let servers = (0..<2).map { number in
                bus.server(concurrency: 8) { request, _ in
                    tally.note(request.id)
                    byServer.note(number)
                    return .reply(BusReply(status: 200, body: request.input))
                }
            }
            let client = bus.client()
            try await bus.running(servers + [client]) {
                try await eventually("is ready") { client.isReady && servers.allSatisfy(\.isReady) }
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for task in 0..<64 {
                        tasks.addTask {
                            for number in 0..<20 {
                                let text = "\(task)/\(number)"
                                let reply = try await client.send(TestBus.request(text), to: .billing)
                                #expect(reply.body == Array(text.utf8))
                            }
                        }
                    }
                    try await tasks.waitForAll()
                }
                #expect(tally.all.count == 1_280 && tally.total == 1_280)
                #expect(byServer[0] > 0 && byServer[1] > 0)
            }
        }
    }

    @Test func nobodyThereIsAnswered503AndSilenceIs504() async throws {
        try await TestBus.with { bus in
            let client = bus.client()
            try await bus.running([client]) {
                try await eventually("is ready") { client.isReady }
                await #expect(throws: Problem.unavailable("The service")) {
                    _ = try await client.send(TestBus.request(), to: .billing)
                }
            }
            // The stream is there, but its only worker leaves everything pending.
            let server = bus.server { _, _ in .leavePending }
            let other = bus.client()
            try await bus.running([other, server]) {
                try await eventually("is ready") { other.isReady && server.isReady }
                await #expect(throws: Problem.replyTimeout) {
                    _ = try await other.send(TestBus.request(within: .milliseconds(400)), to: .billing)
                }
                #expect(other.inFlight == 0)
            }
        }
    }

    @Test func pastTheBoundCallersAreToldAtOnce() async throws {
        try await TestBus.with { bus in
            let gate = Gate()
            let server = bus.server { request, _ in
                await gate.wait()
                return .reply(BusReply(status: 200))
            }
            let client = bus.client(inFlightMax: 4)
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                try await withThrowingTaskGroup(of: Int.self) { tasks in
                    func ask(_ clinic: ClinicID, _ count: Int) {
                        for _ in 0..<count {
                            tasks.addTask { try await client.send(TestBus.request(of: clinic), to: .billing).status }
                        }
                    }
                    let (one, other) = (ClinicID(), ClinicID())
                    ask(one, 4)
                    try await eventually("four are in flight") { client.inFlight == 4 }
                    await #expect(throws: Problem.unavailable("The service")) {
                        _ = try await client.send(TestBus.request(of: one), to: .billing)
                    }
                    // Another clinic finds room all the same, and leaves some.
                    ask(other, 2)
                    try await eventually("six are in flight") { client.inFlight == 6 }
                    await #expect(throws: Problem.unavailable("The service")) {
                        _ = try await client.send(TestBus.request(of: other), to: .billing)
                    }
                    gate.open()
                    for try await status in tasks { #expect(status == 200) }
                    // What was answered is in nobody's way.
                    ask(one, 4)
                    for try await status in tasks { #expect(status == 200) }
                }
            }
        }
    }

    @Test func slowRequestsOfSomeClinicsLeaveSlotsToOthers() async throws {
        try await TestBus.with { bus in
            let gate = Gate()
            let started = Tally<ClinicID?>()
            let slow = (one: ClinicID(), two: ClinicID())
            let server = bus.server(concurrency: 8) { request, _ in
                started.note(request.clinic)
                if request.clinic == slow.one || request.clinic == slow.two { await gate.wait() }
                return .reply(BusReply(status: 200))
            }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                try await withThrowingTaskGroup(of: Int.self) { tasks in
                    func ask(_ clinic: ClinicID, _ count: Int) {
                        for _ in 0..<count {
                            tasks.addTask {
                                let request = TestBus.request(of: clinic, within: .seconds(100))
                                return try await client.send(request, to: .billing).status
                            }
                        }
                    }
                    ask(slow.one, 40)
                    try await eventually("one clinic has what it has alone") { started[slow.one] == 8 }
                    ask(slow.two, 40)
                    try await eventually("another has half of the rest") { started[slow.two] == 4 }
                    let quick = ClinicID()
                    for _ in 0..<50 {
                        #expect(try await client.send(TestBus.request(of: quick), to: .billing).status == 200)
                    }
                    #expect(started.all == [slow.one: 8, slow.two: 4, quick: 50])
                    gate.open()
                    for try await status in tasks { #expect(status == 200) }
                }
                #expect(started[slow.one] == 40 && started[slow.two] == 40)
            }
        }
    }

    @Test func whatWasBegunBeforeWaitsForNoTurn() async throws {
        try await TestBus.with { bus in
            let (slow, left) = (Gate(), Gate())
            let clinic = ClinicID()
            let first = TestBus.request(of: clinic, within: .seconds(100))
            let started = Tally<Bool>()
            let server = bus.server(concurrency: 2) { request, redelivered in
                started.note(redelivered)
                if redelivered { return .reply(BusReply(status: 201)) }
                guard request.id == first.id else {
                    await slow.wait()
                    return .reply(BusReply(status: 200))
                }
                await left.wait()
                return .leavePending
            }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                try await withThrowingTaskGroup(of: Int.self) { tasks in
                    tasks.addTask { try await client.send(first, to: .billing).status }
                    tasks.addTask {
                        try await client.send(TestBus.request(of: clinic, within: .seconds(100)), to: .billing).status
                    }
                    try await eventually("the clinic's slots are taken") { started[false] == 2 }
                    tasks.addTask {
                        try await client.send(TestBus.request(of: clinic, within: .seconds(100)), to: .billing).status
                    }
                    try await eventually("one more is on its way") { client.inFlight == 3 }
                    left.open()
                    #expect(try await tasks.next() == 201)
                    slow.open()
                    for try await status in tasks { #expect(status == 200) }
                }
                #expect(started.all == [false: 3, true: 1])
            }
        }
    }

    @Test func whoHasTooMuchWaitingIsToldAtOnceAndNobodyElse() async throws {
        try await TestBus.with { bus in
            let gate = Gate()
            let slow = ClinicID()
            let server = bus.server(concurrency: 2, waitingRoom: 3 * RequestServer.waitingFrame) { request, _ in
                if request.clinic == slow { await gate.wait() }
                return .reply(BusReply(status: 200))
            }
            let client = bus.client()
            let answered = Tally<Int>()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for _ in 0..<10 {
                        tasks.addTask {
                            let request = TestBus.request(of: slow, within: .seconds(100))
                            let reply = try await client.send(request, to: .billing)
                            answered.note(reply.status)
                            #expect(reply.status == 200 || reply.headers.contains { $0 == ("Retry-After", "1") })
                        }
                    }
                    try await eventually("all but two at work and three that wait are told") { answered[503] == 5 }
                    #expect(try await client.send(TestBus.request(), to: .billing).status == 200)
                    gate.open()
                    try await tasks.waitForAll()
                }
            }
            #expect(answered.all == [503: 5, 200: 5])
        }
    }

    @Test func anExpiredRequestIsNotRun() async throws {
        try await TestBus.with { bus in
            let runs = Tally<String>()
            // Opens the stream, then leaves.
            let opener = bus.server { _, _ in .leavePending }
            try await bus.running([opener]) { try await eventually("opens") { opener.isReady } }
            let client = bus.client()
            try await bus.running([client]) {
                try await eventually("is ready") { client.isReady }
                await #expect(throws: Problem.replyTimeout) {
                    _ = try await client.send(TestBus.request("old", within: .milliseconds(200)), to: .billing)
                }
                let server = bus.server { request, _ in
                    runs.note(String(decoding: request.input, as: UTF8.self))
                    return .reply(BusReply(status: 200))
                }
                try await bus.running([server]) {
                    try await eventually("is ready") { server.isReady }
                    _ = try await client.send(TestBus.request("new"), to: .billing)
                    try await eventually("drops the old one") {
                        try await bus.redis.send(["XLEN", .text(bus.keyspace.requests(.billing))]).integer == 0
                    }
                }
            }
            #expect(runs.all == ["new": 1])
        }
    }

    @Test func cancellingGivesTheWaitUp() async throws {
        try await TestBus.with { bus in
            let gate = Gate()
            let server = bus.server { _, _ in
                await gate.wait()
                return .reply(BusReply(status: 200))
            }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                let call = Task { try await client.send(TestBus.request(), to: .billing) }
                try await eventually("is in flight") { client.inFlight == 1 }
                call.cancel()
                await #expect(throws: CancellationError.self) { _ = try await call.value }
                #expect(client.inFlight == 0)
                gate.open()
                #expect(try await client.send(TestBus.request(), to: .billing).status == 200)
            }
        }
    }

    @Test func aLeftRequestIsOfferedAgain() async throws {
        try await TestBus.with { bus in
            let tries = Tally<Bool>()
            let server = bus.server { _, redelivered in
                tries.note(redelivered)
                return redelivered ? .reply(BusReply(status: 200)) : .leavePending
            }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                #expect(try await client.send(TestBus.request(), to: .billing).status == 200)
                #expect(tries.all == [false: 1, true: 1])
            }
        }
    }

    @Test func aCrashedWorkersRequestIsClaimedOnce() async throws {
        try await TestBus.with { bus in
            let stream = bus.keyspace.requests(.billing)
            let runs = Tally<Bool>()
            let servers = (0..<2).map { _ in
                bus.server { _, redelivered in
                    runs.note(redelivered)
                    return .reply(BusReply(status: 200))
                }
            }
            // Not by a server: the read of one that has just ended could still be given the request.
            _ = try await bus.redis.send(["XGROUP", "CREATE", .text(stream), "billing", "0", "MKSTREAM"])
            let client = bus.client()
            try await bus.running([client]) {
                try await eventually("is ready") { client.isReady }
                let call = Task { try await client.send(TestBus.request(within: .seconds(60)), to: .billing) }
                // A worker that takes the request and is never heard of again.
                try await eventually("is taken") {
                    try await !bus.redis.send([
                        "XREADGROUP", "GROUP", "billing", "crashed", "COUNT", "1", "STREAMS", .text(stream), ">",
                    ]).readEntries().isEmpty
                }
                try await bus.running(servers) {
                    let reply = try await call.value
                    #expect(reply.status == 200)
                    #expect(runs.all == [true: 1])
                }
            }
        }
    }

    @Test func aLongRunningRequestIsNotTakenFromALiveWorker() async throws {
        try await TestBus.with { bus in
            let gate = Gate()
            let runs = Tally<Bool>()
            let servers = (0..<2).map { _ in
                bus.server { _, redelivered in
                    runs.note(redelivered)
                    await gate.wait()
                    return .reply(BusReply(status: 200))
                }
            }
            let client = bus.client()
            try await bus.running(servers + [client]) {
                try await eventually("is ready") { client.isReady && servers.allSatisfy(\.isReady) }
                let call = Task { try await client.send(TestBus.request(within: .seconds(60)), to: .billing) }
                try await eventually("runs for longer than the dead are waited for") {
                    let rows = try await bus.redis.send([
                        "XPENDING", .text(bus.keyspace.requests(.billing)), "billing", "-", "+", "1",
                    ])
                    return rows.array?.first?.array?[2].integer ?? 0 > 7_000
                }
                gate.open()
                let reply = try await call.value
                #expect(reply.status == 200)
                #expect(runs.all == [false: 1])
            }
        }
    }

    @Test func aDrainingServerLosesNoRequest() async throws {
        try await TestBus.with { bus in
            let runs = Tally<RequestID>()
            let leaving = bus.server { request, _ in
                runs.note(request.id)
                return .reply(BusReply(status: 200))
            }
            let staying = bus.server { request, _ in
                runs.note(request.id)
                return .reply(BusReply(status: 200))
            }
            let group = ServiceGroup(services: [leaving], logger: TestBus.quiet)
            let client = bus.client()
            try await bus.running([group, staying, client]) {
                try await eventually("is ready") { client.isReady && leaving.isReady && staying.isReady }
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for task in 0..<16 {
                        tasks.addTask {
                            for number in 0..<50 {
                                if task == 0 && number == 10 { await group.triggerGracefulShutdown() }
                                let reply = try await client.send(TestBus.request(), to: .billing)
                                #expect(reply.status == 200)
                            }
                        }
                    }
                    try await tasks.waitForAll()
                }
                try await eventually("the consumer is gone, with nothing pending") {
                    let consumers = try await bus.redis.send([
                        "XINFO", "CONSUMERS", .text(bus.keyspace.requests(.billing)), "billing",
                    ])
                    return consumers.array?.count == 1
                }
            }
            #expect(runs.all.count == 800 && runs.total == 800)
        }
    }

    @Test func aWipedRedisIsWorkedOnWithoutARestart() async throws {
        let own = try TestBus.ownServer()
        defer { own.stop() }
        try await TestBus.with(server: own) { bus in
            let server = bus.server { request, _ in .reply(BusReply(status: 200, body: request.input)) }
            let client = bus.client()
            try await bus.running([server, client]) {
                try await eventually("is ready") { client.isReady && server.isReady }
                for _ in 0..<3 {
                    _ = try await client.send(TestBus.request(), to: .billing)
                    _ = try await bus.redis.send(["FLUSHALL"])
                    try await eventually("answers again") {
                        do {
                            return try await client.send(TestBus.request(within: .seconds(3)), to: .billing).status
                                == 200
                        } catch let problem as Problem {
                            #expect(problem.status == 503 || problem.status == 504)
                            return false
                        }
                    }
                }
            }
        }
    }
}

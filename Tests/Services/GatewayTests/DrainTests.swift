import Authorization
import Bus
import Core
import NIOCore
import NIOPosix
import Synchronization
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2)))
struct DrainTests {
    @Test func stoppingUnderLoadLosesNoRequest() async throws {
        let answered = Tally()
        try await TestGateway.run(settings: ["POLYCLINIC_DRAIN_SECONDS": "1"]) { gateway in
            let user = gateway.access.member([.clinicAdmin]).user
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            try await withThrowingTaskGroup { tasks in
                for _ in 0..<16 {
                    tasks.addTask { try await Self.load(gateway, token, answered) }
                }
                tasks.addTask {
                    try await eventually("the load is on") { answered.count > 300 }
                    await gateway.stop()
                }
                try await tasks.waitForAll()
            }
            #expect(answered.count > 300)
            #expect(answered.failed == [])
        }
    }

    @Test func requestAtWorkIsFinishedAndItsConnectionClosed() async throws {
        let gate = Gate()
        try await TestGateway.run(handler: { request in
            if request.operation == "things.create" { await gate.pass() }
            return await FakeService.answer(request)
        }) { gateway in
            let user = gateway.access.member([.clinicAdmin]).user
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            async let slow = gateway.post("/api/v1/things", [bearer(token)], body: #"{"name":"a"}"#)
            try await eventually("it is at work") { gate.waiting == 1 }
            await gateway.stop()
            try await eventually("no more is taken on") {
                do {
                    try await RawConnection.open(gateway.port) { _ in }
                    return false
                } catch {
                    return true
                }
            }
            gate.open()
            let answer = try await slow
            #expect(answer.status == 201)
            #expect(answer.header("Connection") == "close")
        }
    }

    /// Asks on until the gateway takes no more connections; everything asked on one must be answered.
    private static func load(_ gateway: TestGateway, _ token: String, _ tally: Tally) async throws {
        while true {
            var isOver = false
            do {
                try await RawConnection.open(gateway.port) { connection in
                    let request = "GET /api/v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n"
                    while true {
                        var next = RawConversation(inbound: connection.inbound, outbound: connection.outbound)
                        try await next.say(request)
                        guard try await next.hear("\"told\":"), next.text.hasPrefix("HTTP/1.1 200 ") else {
                            tally.fail(String(next.text.prefix(40)))
                            return
                        }
                        tally.answer()
                        if next.text.contains("Connection: close") { return }
                    }
                }
            } catch is NIOConnectionError {
                isOver = true
            }
            if isOver { return }
        }
    }
}

/// What became of requests.
final class Tally: Sendable {
    private let state = Mutex((count: 0, failed: [String]()))
    var count: Int { state.withLock { $0.count } }
    var failed: [String] { state.withLock { $0.failed } }
    func answer() { state.withLock { $0.count += 1 } }
    func fail(_ what: String) { state.withLock { $0.failed.append(what) } }
}

/// Holds whoever comes until it is opened.
final class Gate: Sendable {
    private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))
    var waiting: Int { state.withLock { $0.waiting.count } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}

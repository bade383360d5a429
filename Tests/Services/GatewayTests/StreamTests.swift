import Authorization
import Bus
import Contracts
import Core
import Gateway
import NIOCore
import Synchronization
import TestKit
import Testing

/// Streamed replies are pulled page by page, and no further than the client reads.
@Suite(.timeLimit(.minutes(2)))
struct StreamTests {
    /// A service with so many pages, which counts those asked for.
    private final class Export: Sendable {
        let pages: Int
        let size: Int
        private let asked = Mutex(0)
        var pagesAsked: Int { asked.withLock { $0 } }

        init(pages: Int, size: Int = 200_000) {
            self.pages = pages
            self.size = size
        }

        func answer(_ request: BusRequest) async -> RequestServer.Answer {
            guard request.operation == "things.export" else { return await FakeService.answer(request) }
            let page = Int(request.page ?? "0") ?? 0
            asked.withLock { $0 += 1 }
            let body = Array("\(page):".utf8) + [UInt8](repeating: 97, count: size) + [10]
            return .reply(
                BusReply(
                    status: 200,
                    contentType: "application/x-ndjson",
                    headers: [("X-Audit-Size", "\(pages)")],
                    body: body,
                    nextPage: page + 1 < pages ? "\(page + 1)" : nil
                )
            )
        }
    }

    private func run(
        _ export: Export,
        change: @escaping (inout GatewayConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestGateway, String, UserID) async throws -> Void
    ) async throws {
        try await TestGateway.run(change: change, handler: { await export.answer($0) }) { gateway in
            let user = gateway.access.member([.clinicAdmin]).user
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            try await body(gateway, token, user)
        }
    }

    private static func request(_ token: String) -> String {
        "GET /api/v1/things-export HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\nAuthorization: Bearer \(token)\r\n\r\n"
    }

    @Test func everyPageArrivesInOrder() async throws {
        let export = Export(pages: 20)
        try await run(export) { gateway, token, _ in
            let answer = try await gateway.get(
                "/api/v1/things-export",
                [bearer(token), ("Accept", "application/x-ndjson")]
            )
            #expect(answer.status == 200)
            #expect(answer.header("Transfer-Encoding") == "chunked")
            #expect(answer.header("X-Audit-Size") == "20")
            let numbers = answer.text.split(separator: "\n").compactMap { Int($0.prefix { $0 != ":" }) }
            #expect(numbers == Array(0..<20))
            #expect(answer.body.count > 20 * 200_000)
            // The connection lives on.
            #expect(try await gateway.get("/api/v1/things", [bearer(token)]).status == 200)
        }
    }

    /// An export with nothing in it says what it is, as one that goes on after an empty page does.
    @Test(arguments: [nil, "1"])
    func anEmptyExportSaysWhatItIs(next: String?) async throws {
        let answer: TestGateway.Handler = { request in
            guard request.operation == "things.export" else { return await FakeService.answer(request) }
            let page = request.page == nil ? next : nil
            return .reply(BusReply(status: 200, contentType: "application/x-ndjson", body: [], nextPage: page))
        }
        try await TestGateway.run(handler: answer) { gateway in
            let token = try gateway.tokens.token(for: gateway.access.member([.clinicAdmin]).user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            let export = try await gateway.get(
                "/api/v1/things-export",
                [bearer(token), ("Accept", "application/x-ndjson")]
            )
            #expect(export.status == 200 && export.body.isEmpty)
            #expect(export.header("Content-Type") == "application/x-ndjson")
        }
    }

    @Test func slowReaderHoldsOnePage() async throws {
        let export = Export(pages: 1_000)
        try await run(export) { gateway, token, _ in
            try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.request(token))
                #expect(try await connection.hear("0:aaa"))
                // Sockets hold a few pages between them; then nothing more is asked for until the client reads on.
                let stalled = try await settled { export.pagesAsked }
                #expect(stalled < 100)
                while connection.received.count < 40 * 200_000 { #expect(try await connection.hearMore()) }
                #expect(export.pagesAsked >= 40)
                #expect(export.pagesAsked < 200)
            }
        }
    }

    @Test func readerWhoVanishesStopsTheExport() async throws {
        let export = Export(pages: 100_000)
        try await run(export) { gateway, token, _ in
            try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.request(token))
                #expect(try await connection.hear("0:aaa"))
            }
            let stopped = try await settled { export.pagesAsked }
            #expect(stopped < 1_000)
        }
    }

    @Test func readerWhoStopsReadingIsLetGo() async throws {
        let export = Export(pages: 100_000)
        try await run(export, change: { $0.limits.writeStall = .milliseconds(300) }) { gateway, token, _ in
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.request(token))
                #expect(try await connection.hear("0:aaa"))
                _ = try await settled { export.pagesAsked }
                return await connection.hearAll()
            }
            #expect(!heard.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func streamThatMayNotGoOnIsCutNotFinished() async throws {
        let export = Export(pages: 100_000)
        try await run(export) { gateway, token, user in
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.request(token))
                #expect(try await connection.hear("0:aaa"))
                gateway.access.change { changes in
                    for index in changes.users.indices where changes.users[index].id == user {
                        changes.users[index].memberships = []
                    }
                }
                return await connection.hearAll()
            }
            #expect(!heard.hasSuffix("0\r\n\r\n"))
            #expect(export.pagesAsked < 100_000)
        }
    }

    /// Waits until a count has stopped rising, and gives it.
    private func settled(_ count: @escaping @Sendable () -> Int) async throws -> Int {
        let last = Mutex((count: -1, since: ContinuousClock.now))
        return try await eventually("the count stands still") {
            let now = count()
            let quiet = last.withLock { last in
                if last.count != now { last = (now, .now) }
                return ContinuousClock.now - last.since
            }
            return quiet > .milliseconds(400) ? now : nil
        }
    }
}

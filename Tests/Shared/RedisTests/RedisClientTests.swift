import Core
import Glibc
import LocalServers
import Redis
import TestKit
import Testing

@Suite(.timeLimit(.minutes(2))) struct RedisClientTests {
    @Test func keepsRepliesWithTheirCommands() async throws {
        try await TestRedis.withClient { redis in
            let key = "order:\(RequestID())"
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for task in 0..<64 {
                    tasks.addTask {
                        for number in 0..<100 {
                            let text = "\(task)/\(number)"
                            let reply = try await redis.send(["ECHO", .text(text)])
                            #expect(reply.string == text)
                        }
                        _ = try await redis.send(["INCR", .text(key)])
                    }
                }
                try await tasks.waitForAll()
            }
            #expect(try await redis.send(["GET", .text(key)]).integer == 64)
        }
    }

    @Test func pipelinesInOrderAndKeepsRefusalsApart() async throws {
        try await TestRedis.withClient { redis in
            let key = "pipe:\(RequestID())"
            let replies = try await redis.pipeline([
                ["SET", .text(key), "text"], ["INCR", .text(key)], ["APPEND", .text(key), "!"], ["GET", .text(key)],
            ])
            #expect(replies.count == 4)
            #expect(throws: RedisError.server("ERR")) { _ = try replies[1].checked() }
            #expect(replies[3].string == "text!")
        }
    }

    @Test func runsATransactionWhole() async throws {
        try await TestRedis.withClient { redis in
            let key = "multi:\(RequestID())"
            let replies = try await redis.transaction([["INCR", .text(key)], ["INCRBY", .text(key), "5"]])
            #expect(replies == [.integer(1), .integer(6)])
            await #expect(throws: RedisError.self) {
                _ = try await redis.transaction([["INCR", .text(key)], ["NOSUCHCOMMAND"]])
            }
            #expect(try await redis.send(["GET", .text(key)]).integer == 6)
        }
    }

    @Test func namesTheServersRefusal() async throws {
        try await TestRedis.withClient { redis in
            await #expect(throws: RedisError.server("NOGROUP")) {
                _ = try await redis.send([
                    "XREADGROUP", "GROUP", "none", "me", "STREAMS", "nothing:\(RequestID())", ">",
                ])
            }
        }
    }

    @Test func aCancelledCallLeavesTheOthersTheirReplies() async throws {
        try await TestRedis.withClient { redis in
            for round in 0..<50 {
                let cancelled = Task { try await redis.send(["ECHO", "mine"]) }
                async let other = redis.send(["ECHO", .text("other \(round)")])
                cancelled.cancel()
                _ = try? await cancelled.value
                let heard = try await other
                #expect(heard.string == "other \(round)")
            }
            let early = Task {
                unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
                return try await redis.send(["ECHO", "early"])
            }
            // Cancelled before it was sent: it ends as such, unless the reply was faster. The next call gets its own reply.
            do { #expect(try await early.value.string == "early") } catch let error as RedisError {
                #expect(error == .cancelled)
            }
            #expect(try await redis.send(["ECHO", "next"]).string == "next")
        }
    }

    @Test func movesEightMegabytes() async throws {
        try await TestRedis.withClient { redis in
            let key = "large:\(RequestID())"
            let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            _ = try await redis.send(["SET", .text(key), .bytes(bytes)])
            let back = try await redis.send(["GET", .text(key)])
            #expect(back.bytes == bytes)
            _ = try await redis.send(["DEL", .text(key)])
        }
    }

    @Test func survivesKilledConnectionsUnderLoad() async throws {
        let server = try TestRedis.own()
        defer { server.stop() }
        try await TestRedis.withClient(of: server) { redis in
            try await TestRedis.withClient(of: server) { killer in
                try await withThrowingTaskGroup(of: Void.self) { tasks in
                    for task in 0..<32 {
                        tasks.addTask {
                            for number in 0..<200 {
                                do {
                                    let text = "\(task)/\(number)"
                                    #expect(try await redis.send(["ECHO", .text(text)]).string == text)
                                } catch let error as RedisError {
                                    guard case .connectionLost = error.code else { throw error }
                                    try await redis.waitUntilUp()
                                }
                            }
                        }
                    }
                    for _ in 0..<5 {
                        let before = redis.generation
                        _ = try await killer.send(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
                        try await eventually("connects again") { redis.generation > before }
                    }
                    try await tasks.waitForAll()
                }
            }
            #expect(try await redis.send(["PING"]).string == "PONG")
        }
    }

    @Test func comesBackAfterTheServer() async throws {
        let server = try TestRedis.own()
        defer { server.stop() }
        try await TestRedis.withClient(of: server) { redis in
            _ = try await redis.send(["SCRIPT", "FLUSH"])
            let script = RedisScript("return ARGV[1]")
            #expect(try await script.run(on: redis, keys: [], arguments: ["one"]).string == "one")
            _ = try await redis.send(["SCRIPT", "FLUSH"])
            #expect(try await script.run(on: redis, keys: [], arguments: ["two"]).string == "two")
            server.kill()
            try await eventually("notices") { !redis.isUp }
            await #expect(throws: RedisError.connectionLost(sent: false)) { _ = try await redis.send(["PING"]) }
        }
    }

    @Test func aBlockingReadEndsWhenItsTaskIsCancelled() async throws {
        try await TestRedis.withClient(blocking: true) { reader in
            let read = Task {
                try await reader.send(RedisCommand(["BLPOP", "empty:\(RequestID())", "60"], blocksFor: .seconds(60)))
            }
            let before = reader.generation
            try await TestRedis.withClient { other in
                try await eventually("is blocked") {
                    try await other.send(["INFO", "clients"]).string?.contains("blocked_clients:0") == false
                }
            }
            read.cancel()
            await #expect(throws: RedisError.cancelled) { try await read.value }
            try await eventually("has a new connection") { reader.generation > before && reader.isUp }
        }
    }

    @Test func aSilentServerIsFoundOut() async throws {
        let server = try TestRedis.own()
        defer {
            kill(server.pid, SIGCONT)
            server.stop()
        }
        try await TestRedis.withClient(of: server) { redis in
            kill(server.pid, SIGSTOP)
            await #expect(throws: RedisError.connectionLost(sent: true)) { _ = try await redis.send(["PING"]) }
            kill(server.pid, SIGCONT)
            // A connection begun while the server slept may be given up first.
            try await eventually("answers again") { (try? await redis.send(["PING"]).string) == "PONG" }
        }
    }

    @Test func speaksTLSToAServerItTrusts() async throws {
        let server = try TestRedis.ownWithTLS()
        defer { server.process.stop() }
        let trusting = RedisEndpoint(
            host: "localhost",
            port: server.port,
            usesTLS: true,
            trustRoots: server.certificate
        )
        let client = RedisClient(trusting, name: "tls", logger: TestRedis.quiet)
        let stranger = RedisClient(
            RedisEndpoint(host: "localhost", port: server.port, usesTLS: true),
            name: "stranger",
            logger: TestRedis.quiet
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await client.run() }
            tasks.addTask { try await stranger.run() }
            defer {
                client.close()
                stranger.close()
            }
            try await eventually("is up") { client.isUp }
            #expect(try await client.send(["PING"]).string == "PONG")
            #expect(!stranger.isUp && stranger.generation == 0)
        }
    }

    @Test func staysOutWithAWrongPassword() async throws {
        let known = try TestRedis.endpoint(TestServers.shared().redisURL)
        let endpoint = RedisEndpoint(host: known.host, port: known.port, password: Secret("wrong"))
        let client = RedisClient(endpoint, name: "stranger", logger: TestRedis.quiet)
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await client.run() }
            tasks.addTask {
                await #expect(throws: RedisError.cancelled) {
                    try await withThrowingTaskGroup(of: Void.self) { race in
                        race.addTask { try await client.waitUntilUp() }
                        race.addTask { try await ContinuousClock().sleep(for: .milliseconds(300)) }
                        defer { race.cancelAll() }
                        try await race.next()
                        race.cancelAll()
                        try await race.next()
                    }
                }
            }
            await tasks.next()
            #expect(!client.isUp)
            client.close()
        }
    }
}

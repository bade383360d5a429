import Authorization
import Bus
import Contracts
import Core
import Gateway
import NIOCore
import TestKit
import Testing

/// What a client may do to a connection, and what it may not.
@Suite(.timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test(arguments: [
        "GET / HTTP/9.9\r\n\r\n", "GARBAGE\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nExpect: magic\r\nContent-Length: 2\r\n\r\n{}",
    ])
    func whatCannotBeReadOneWayOnlyIsRefusedAndClosed(_ request: String) async throws {
        try await TestGateway.run { gateway in
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(request)
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 400 "), "\(heard.prefix(60))")
            #expect(heard.contains("Connection: close"))
        }
    }

    @Test func headersAreBounded() async throws {
        try await TestGateway.run { gateway in
            let long = String(repeating: "a", count: 9_000)
            let many = (0..<150).map { "X-\($0): a\r\n" }.joined()
            for headers in ["X-Long: \(long)\r\n", many] {
                let heard = try await RawConnection.open(gateway.port) { connection in
                    try await connection.say("GET /health/live HTTP/1.1\r\nHost: a\r\n\(headers)\r\n")
                    return await connection.hearAll()
                }
                #expect(heard.hasPrefix("HTTP/1.1 431 "))
                #expect(heard.contains("\"code\":\"headers_too_large\""))
            }
        }
    }

    /// More comes than is read at once: what follows the refusal must not take it along.
    @Test(arguments: [
        ("GET /%@ HTTP/1.1\r\nHost: a\r\n\r\n", 9_000, "414 URI Too Long", "target_too_long"),
        ("GET /%@ HTTP/1.1\r\nHost: a\r\n\r\n", 15_000, "414 URI Too Long", "target_too_long"),
        ("GET /api/v1/things?q=%@ HTTP/1.1\r\nHost: a\r\n\r\n", 31_000, "414 URI Too Long", "target_too_long"),
        ("GET /%@ HTTP/1.1\r\nHost: a\r\n\r\n", 500_000, "431 Request Header Fields Too Large", "headers_too_large"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX-Long: %@\r\n\r\n", 31_000, "431 Request Header Fields Too Large",
            "headers_too_large"
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX-Long: %@\r\n\r\n", 500_000, "431 Request Header Fields Too Large",
            "headers_too_large"
        ),
        ("GARBAGE\r\n\r\n%@", 500_000, "400 Bad Request", "malformed"),
        (
            "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n%@",
            500_000,
            "400 Bad Request", "malformed"
        ),
    ])
    func aRefusalIsHeardHoweverMuchFollows(
        _ request: String,
        _ length: Int,
        _ status: String,
        _ code: String
    ) async throws {
        try await TestGateway.run { gateway in
            let filled = request.split(separator: "%@", omittingEmptySubsequences: false)
                .joined(separator: String(repeating: "a", count: length))
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(filled)
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 \(status)\r\n"), "\(heard.prefix(60))")
            #expect(heard.contains("Connection: close\r\n"))
            #expect(heard.contains("Content-Type: application/problem+json\r\n"))
            #expect(heard.contains("\"code\":\"\(code)\""))
        }
    }

    @Test func largeBodyIsRefusedBeforeItIsRead() async throws {
        try await TestGateway.run { gateway in
            let head = "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            // Not one byte of the body is sent.
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Content-Length: 10485760\r\n\r\n")
                return try await connection.hear("too_large")
            }
            #expect(heard)
            // One that is sent all the same finds its answer, not a reset connection.
            let answer = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Content-Length: 10485760\r\n\r\n")
                let piece = String(repeating: "a", count: 1 << 20)
                for _ in 0..<10 { try await connection.say(piece) }
                return await connection.hearAll()
            }
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains("too_large"))
            // A body that never says its length is refused when it has become too large.
            let chunked = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Transfer-Encoding: chunked\r\n\r\n")
                let chunk = "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n"
                for _ in 0..<32 { try await connection.say(chunk) }
                try await connection.say("0\r\n\r\n")
                return await connection.hearAll()
            }
            #expect(chunked.hasPrefix("HTTP/1.1 413 ") && chunked.contains("too_large"))
        }
    }

    /// Who does not even say who they are is held to what is usual, also where an operation takes more.
    @Test func onlyWhoSaysWhoTheyAreMayBringMoreThanIsUsual() async throws {
        try await TestGateway.run { gateway in
            let (_, user) = gateway.access.member([.clinicAdmin])
            let token = bearer(try gateway.tokens.token(for: user))
            _ = try await gateway.eventuallyGet("/api/v1/me", [token])
            let note = String(repeating: "a", count: 2 << 20)
            let body = #"{"name":"a","note":"\#(note)"}"#
            let head = "POST /api/v1/things-together HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            let length = "Content-Length: \(body.utf8.count)\r\n"
            // Not one byte of the body is sent, nor asked for.
            for waits in ["", "Expect: 100-continue\r\n"] {
                let refused = try await RawConnection.open(gateway.port) { connection in
                    try await connection.say(head + length + waits + "\r\n")
                    guard try await connection.hear("too_large") else { return "" }
                    return connection.text
                }
                #expect(refused.hasPrefix("HTTP/1.1 413 "), "\(refused.prefix(60))")
                #expect(refused.contains("at most \(HTTPLimits().body) bytes"))
            }
            // One that does not say its length is read as far as is usual.
            let chunked = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Transfer-Encoding: chunked\r\n\r\n")
                try await connection.say("\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
                return await connection.hearAll()
            }
            #expect(chunked.hasPrefix("HTTP/1.1 413 "), "\(chunked.prefix(60))")
            let taken = try await RawConnection.open(gateway.port) { connection in
                let signedIn = "\(token.0): \(token.1)\r\n"
                try await connection.say(head + signedIn + length + "Expect: 100-continue\r\n\r\n")
                guard try await connection.hear("HTTP/1.1 100 Continue\r\n\r\n") else { return connection.text }
                try await connection.say(body)
                _ = try await connection.hear("\"things.create_all\"")
                return connection.text
            }
            #expect(taken.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), "\(taken.prefix(90))")
            // A token that is none lets nobody in, however much was read.
            let stranger = try await RawConnection.open(gateway.port) { connection in
                let claim = "Authorization: Bearer nonsense\r\nConnection: close\r\n"
                try await connection.say(head + claim + length + "\r\n" + body)
                return await connection.hearAll()
            }
            #expect(stranger.hasPrefix("HTTP/1.1 401 "), "\(stranger.prefix(60))")
        }
    }

    @Test func clientThatWaitsForAWordIsTold() async throws {
        try await TestGateway.run { gateway in
            let head =
                "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Content-Length: 12\r\n\r\n")
                #expect(try await connection.hear("HTTP/1.1 100 Continue\r\n\r\n"))
                try await connection.say(#"{"name":"a"}"#)
                #expect(try await connection.hear("HTTP/1.1 200 OK"))
            }
            let refused = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(head + "Content-Length: 99999999\r\n\r\n")
                return await connection.hearAll()
            }
            #expect(refused.hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await TestGateway.run { gateway in
            try await RawConnection.open(gateway.port) { connection in
                let bodies = (0..<50).map { #"{"name":"n\#($0)"}"# }
                let requests = bodies.map {
                    "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \($0.utf8.count)\r\n\r\n\($0)"
                }
                try await connection.say(requests.joined())
                #expect(try await connection.hear("n49"))
                let places = bodies.indices.compactMap { connection.text.firstRange(of: "\\\"n\($0)\\\"")?.lowerBound }
                #expect(places.count == 50)
                #expect(places == places.sorted())
            }
        }
    }

    @Test func connectionsEndWhenTheClientWantsThemTo() async throws {
        try await TestGateway.run { gateway in
            for request in [
                "GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                "GET /health/live HTTP/1.0\r\n\r\n",
            ] {
                let heard = try await RawConnection.open(gateway.port) { connection in
                    try await connection.say(request)
                    return await connection.hearAll()
                }
                #expect(heard.hasPrefix("HTTP/1.1 200 OK"))
                #expect(heard.contains("Connection: close"))
            }
            // One who has said all there is still hears the answer.
            let half = try await RawConnection.open(gateway.port) { connection in
                try await connection.say("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
                connection.finish()
                return await connection.hearAll()
            }
            #expect(half.hasSuffix(#"{"status":"live"}"#))
        }
    }

    @Test func slowClientsAreNotWaitedForForEver() async throws {
        try await TestGateway.run(change: { configuration in
            configuration.limits.headDeadline = .milliseconds(200)
            configuration.limits.bodyGrace = .milliseconds(200)
        }) { gateway in
            // Nothing said, and a head that comes a byte at a time.
            let silent = try await RawConnection.open(gateway.port) { await $0.hearAll() }
            #expect(silent.isEmpty)
            let dribbling = try await RawConnection.open(gateway.port) { connection in
                try await connection.say("GET /health/live HTTP/1.1\r\nX-A: ")
                return await connection.hearAll()
            }
            #expect(dribbling.isEmpty)
            let body = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(
                    "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
                )
                return await connection.hearAll()
            }
            #expect(body.hasPrefix("HTTP/1.1 408 "))
        }
        // One that is heard in time, and says nothing more.
        try await TestGateway.run(change: { $0.limits.idle = .milliseconds(300) }) { gateway in
            let idle = try await RawConnection.open(gateway.port) { connection in
                try await connection.say("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
                return await connection.hearAll()
            }
            #expect(idle.hasPrefix("HTTP/1.1 200 "))
        }
    }
}

import AsyncHTTPClient
import Authorization
import Bus
import Contracts
import Core
import NIOCore
import NIOHTTP1
import Synchronization
import TestKit
import Testing

@testable import Gateway

/// Bodies that are passed on piece by piece: in order, one at a time, and no more of them than that.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct UploadTests {
    /// A service that takes files and shows what it was given.
    private final class Shelf: Sendable {
        struct State {
            var bytes: [UInt8] = []
            var pieces: [BodyPiece] = []
            var names: Set<String> = []
            var ids: Set<RequestID> = []
            /// The pieces that ended a body which came no further.
            var broken: [BodyPiece] = []
        }

        private let state = Mutex(State())
        private let isOpen = Mutex(true)
        /// One that the gateway knows.
        let clinic = Mutex<ClinicID?>(nil)
        /// First pieces of notices, none of which is taken before the shelf is open.
        let notices = Mutex(0)
        /// The piece that is refused.
        let refused: Int?
        /// What it is refused with.
        let refusal: Int
        /// Whether files are taken while it is not open.
        let holdsNoticesOnly: Bool

        init(refusing refused: Int? = nil, with refusal: Int = 409, isOpen: Bool = true, holdsNoticesOnly: Bool = false)
        {
            self.refused = refused
            self.refusal = refusal
            self.holdsNoticesOnly = holdsNoticesOnly
            self.isOpen.withLock { $0 = isOpen }
        }

        var taken: State { state.withLock { $0 } }
        func open() { isOpen.withLock { $0 = true } }

        func answer(_ request: BusRequest) async -> RequestServer.Answer {
            if request.operation == "things.notice" {
                if BodyPiece(request)?.number == 0 { notices.withLock { $0 += 1 } }
                while !isOpen.withLock({ $0 }) { await Task.yield() }
                return .reply(BusReply(status: BodyPiece(request)?.isLast == true ? 204 : BodyPiece.taken))
            }
            guard request.operation == "things.upload" else { return await FakeService.answer(request) }
            guard let piece = BodyPiece(request),
                let input = try? JSONTape(request.input).decode(ThingUpload.self)
            else { return .reply(BusReply(status: 500)) }
            if piece.isBroken {
                state.withLock { $0.broken.append(piece) }
                return .reply(BusReply(status: BodyPiece.taken))
            }
            state.withLock { state in
                state.pieces.append(piece)
                state.bytes += input.body.bytes
                state.names.insert(input.filename)
                state.ids.insert(request.id)
            }
            while !isOpen.withLock({ $0 }), !holdsNoticesOnly { await Task.yield() }
            if piece.number == refused {
                return .reply(
                    BusReply(status: refusal, contentType: Problem.mediaType, body: Array(#"{"code":"full"}"#.utf8))
                )
            }
            guard piece.isLast else { return .reply(BusReply(status: BodyPiece.taken)) }
            let body = (try? JSONWriter.encode(Thing(name: input.filename, told: [:]))) ?? []
            return .reply(BusReply(status: 201, body: body))
        }
    }

    private func run(
        _ shelf: Shelf,
        change: @escaping (inout GatewayConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (TestGateway, String, UserID) async throws -> Void
    ) async throws {
        try await TestGateway.run(change: change, handler: { await shelf.answer($0) }) { gateway in
            let (clinic, user) = gateway.access.member([.clinicAdmin])
            shelf.clinic.withLock { $0 = clinic }
            let token = try gateway.tokens.token(for: user)
            _ = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            try await body(gateway, token, user)
        }
    }

    /// No two of its pieces are the same.
    private static func file(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = 0
        while bytes.count < count {
            bytes += [UInt8](repeating: UInt8(block % 251), count: min(1_000, count - bytes.count))
            block += 1
        }
        return bytes
    }

    private static func head(_ token: String, _ length: String, type: String = "application/pdf") -> String {
        "POST /api/v1/things-upload?filename=a.pdf HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: \(type)\r\n\(length)\r\n\r\n"
    }

    private func upload(
        _ bytes: [UInt8],
        to gateway: TestGateway,
        _ token: String,
        type: String = "application/pdf",
        isChunked: Bool = false
    ) async throws -> (status: Int, code: String?) {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(gateway.port)/api/v1/things-upload?filename=a.pdf")
        request.method = .POST
        request.headers = ["Authorization": "Bearer \(token)", "Content-Type": type]
        let parts = stride(from: 0, to: bytes.count, by: 50_000).map {
            ByteBuffer(bytes: bytes[$0..<min($0 + 50_000, bytes.count)])
        }
        request.body =
            isChunked
            ? .stream(Parts(parts: parts), length: .unknown) : .bytes(ByteBuffer(bytes: bytes))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let body = try await response.body.collect(upTo: 1 << 20)
        let json = try? JSONTape(Array(body.readableBytesView)).decode(JSONValue.self)
        return (Int(response.status.code), json?["code"]?.string)
    }

    private struct Parts: AsyncSequence, Sendable {
        let parts: [ByteBuffer]

        struct AsyncIterator: AsyncIteratorProtocol {
            var left: [ByteBuffer].SubSequence
            mutating func next() async throws -> ByteBuffer? { left.popFirst() }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(left: parts[...]) }
    }

    @Test(arguments: [0, 1, BodyPiece.bytes, BodyPiece.bytes + 1, TestEndpoints.longestUpload], [false, true])
    func everyByteArrivesInOrder(count: Int, isChunked: Bool) async throws {
        let shelf = Shelf()
        try await run(shelf) { gateway, token, _ in
            let file = Self.file(count)
            let answer = try await upload(file, to: gateway, token, isChunked: isChunked)
            #expect(answer.status == 201)
            let taken = shelf.taken
            // Whole files are not worth showing.
            let isSame = taken.bytes == file
            #expect(isSame)
            #expect(taken.pieces.map(\.number) == Array(0..<max(1, (count + BodyPiece.bytes - 1) / BodyPiece.bytes)))
            #expect(taken.pieces.map(\.isLast) == taken.pieces.indices.map { $0 == taken.pieces.count - 1 })
            #expect(taken.pieces.allSatisfy { $0.contentType == "application/pdf" })
            #expect(taken.names == ["a.pdf"] && taken.ids.count == 1)
            // The connection goes on.
            #expect(try await gateway.get("/api/v1/things", [bearer(token)]).status == 200)
        }
    }

    @Test func whatIsTooLargeIsRefusedAtOnceOrWhenItHasBecomeSo() async throws {
        let shelf = Shelf()
        try await run(shelf) { gateway, token, _ in
            let heard = try await RawConnection.open(gateway.port) { connection in
                let length = "Content-Length: \(TestEndpoints.longestUpload + 1)"
                try await connection.say(Self.head(token, length))
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 413 ") && shelf.taken.pieces.isEmpty)
            let isHeard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.head(token, "Transfer-Encoding: chunked"))
                let chunk = "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n"
                for _ in 0...TestEndpoints.longestUpload / 65_536 { try await connection.say(chunk) }
                try await connection.say("0\r\n\r\n")
                return try await connection.hear("too_large")
            }
            #expect(isHeard)
            let taken = shelf.taken
            #expect(!taken.pieces.contains { $0.isLast })
            // The service has been told before the client was.
            #expect(taken.broken.map(\.number) == [taken.pieces.count] && taken.broken.allSatisfy { !$0.isLast })
        }
    }

    @Test func whoMayNotIsRefusedBeforeAnythingIsRead() async throws {
        let shelf = Shelf()
        try await run(shelf) { gateway, token, _ in
            let accountant = try gateway.tokens.token(for: gateway.access.member([.accountant]).user)
            for (token, type, status) in [
                ("not.a.token", "application/pdf", 401), (accountant, "application/pdf", 403),
                (token, "text/html", 415), (token, "", 415),
            ] {
                // Not one byte of the body is sent.
                try await eventually("\(status) is answered") {
                    try await RawConnection.open(gateway.port) { connection in
                        try await connection.say(Self.head(token, "Content-Length: 1000000", type: type))
                        return await connection.hearAll().hasPrefix("HTTP/1.1 \(status) ")
                    }
                }
            }
            #expect(shelf.taken.pieces.isEmpty)
        }
    }

    @Test func noMoreIsReadThanTheServiceTakes() async throws {
        let shelf = Shelf(isOpen: false)
        try await run(shelf) { gateway, token, _ in
            let file = Self.file(TestEndpoints.longestUpload)
            async let answer = upload(file, to: gateway, token)
            try await eventually("the first piece is there") { shelf.taken.pieces.count == 1 }
            // The second one is not sent while the first is not taken.
            for _ in 0..<1_000 { await Task.yield() }
            #expect(shelf.taken.pieces.count == 1)
            shelf.open()
            #expect(try await answer.status == 201)
            let isSame = shelf.taken.bytes == file
            #expect(isSame)
        }
    }

    @Test func whoVanishesLeavesNothingWhole() async throws {
        let shelf = Shelf()
        try await run(shelf) { gateway, token, _ in
            try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.head(token, "Content-Length: 1000000"))
                try await connection.say(String(repeating: "a", count: 700_000))
                try await eventually("some pieces are there") { shelf.taken.pieces.count == 3 }
            }
            try await eventually("the service is told") { shelf.taken.broken.map(\.number) == [3] }
            // The gateway has let go of it when it takes another.
            #expect(try await upload(Self.file(10), to: gateway, token).status == 201)
            #expect(shelf.taken.pieces.count { $0.isLast } == 1 && shelf.taken.pieces.count == 4)
        }
    }

    @Test func whoIsTooSlowIsToldSo() async throws {
        let shelf = Shelf()
        try await run(shelf, change: { $0.limits.bodyGrace = .milliseconds(200) }) { gateway, token, _ in
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.head(token, "Content-Length: 1000"))
                try await connection.say("aaa")
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 408 ") && shelf.taken.pieces.isEmpty)
        }
    }

    private static func notice(_ clinic: ClinicID, _ length: Int) -> String {
        "POST /api/v1/webhooks/things-large/test/\(clinic) HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
    }

    /// Whoever sends notices has no more than a share of the room for them, and takes none from uploads.
    @Test func noticesKeepNoUploadWaiting() async throws {
        let shelf = Shelf(isOpen: false, holdsNoticesOnly: true)
        try await run(shelf) { gateway, token, _ in
            let clinic = try #require(shelf.clinic.withLock { $0 })
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<FlowRoom.mostUnprovedOfClient {
                    group.addTask {
                        try await RawConnection.open(gateway.port) { connection in
                            try await connection.say(Self.notice(clinic, 300_000))
                            try await connection.say(String(repeating: "a", count: 300_000))
                            _ = try await connection.hear("\r\n\r\n")
                            return connection.text
                        }
                    }
                }
                try await eventually("all places are taken") {
                    shelf.notices.withLock { $0 } == FlowRoom.mostUnprovedOfClient
                }
                let further = try await RawConnection.open(gateway.port) { connection in
                    try await connection.say(Self.notice(clinic, 300_000))
                    try await connection.say(String(repeating: "a", count: 300_000))
                    _ = try await connection.hear("\r\n\r\n")
                    return connection.text
                }
                #expect(further.hasPrefix("HTTP/1.1 503 "))
                #expect(try await upload(Self.file(1 << 20), to: gateway, token).status == 201)
                shelf.open()
                for try await heard in group { #expect(heard.hasPrefix("HTTP/1.1 204 ")) }
            }
            // The places are free again.
            let next = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.notice(clinic, 300_000))
                try await connection.say(String(repeating: "a", count: 300_000))
                _ = try await connection.hear("\r\n\r\n")
                return connection.text
            }
            #expect(next.hasPrefix("HTTP/1.1 204 "))
        }
    }

    @Test(arguments: [true, false]) func aNoticeHasSoMuchTimeAndNoMore(isFixed: Bool) async throws {
        let shelf = Shelf()
        let change = { @Sendable (configuration: inout GatewayConfiguration) in
            // Other bodies would be let in for hours.
            configuration.limits.bodyRate = 1
            if isFixed {
                configuration.limits.unprovedTime = .milliseconds(300)
            } else {
                configuration.limits.bodyGrace = .milliseconds(200)
                configuration.limits.unprovedRate = 4 << 20
            }
        }
        try await run(shelf, change: change) { gateway, _, _ in
            let clinic = try #require(shelf.clinic.withLock { $0 })
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.notice(clinic, 1_000_000))
                try await connection.say(String(repeating: "a", count: 500_000))
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test func roomIsSharedAmongClientsAndClinics() throws {
        let room = FlowRoom()
        let clinic = ClinicID()
        // A network of IPv6 is one client.
        let ofOne = (0..<10).compactMap { room.enter(.unproved, ClinicID(), from: "2001:db8::\($0)") }
        #expect(ofOne.count == FlowRoom.mostUnprovedOfClient)
        let ofClinic = (0..<40).compactMap { room.enter(.unproved, clinic, from: "192.0.2.\($0)") }
        #expect(ofClinic.count == FlowRoom.mostUnprovedOfClinic)
        let others = (0..<40).compactMap { room.enter(.unproved, nil, from: "192.0.3.\($0)") }
        #expect(ofOne.count + ofClinic.count + others.count == FlowRoom.mostUnproved)
        let files = (0..<40).compactMap { _ in room.enter(.signedIn, clinic, from: "192.0.2.1") }
        #expect(files.count == FlowRoom.mostSignedInOfClinic)
        let more = (0..<100).compactMap { _ in room.enter(.signedIn, ClinicID(), from: "192.0.2.1") }
        #expect(files.count + more.count == FlowRoom.mostSignedIn)
        for place in ofOne + ofClinic + others + files + more { room.leave(place) }
        #expect(room.enter(.unproved, clinic, from: "2001:db8::1") != nil)
        #expect(room.enter(.signedIn, clinic, from: "192.0.2.1") != nil)
    }

    @Test func brokenChunksEndIt() async throws {
        let shelf = Shelf()
        try await run(shelf) { gateway, token, _ in
            let heard = try await RawConnection.open(gateway.port) { connection in
                try await connection.say(Self.head(token, "Transfer-Encoding: chunked") + "5\r\nabcde\r\nzz\r\n")
                return await connection.hearAll()
            }
            #expect(heard.hasPrefix("HTTP/1.1 400 ") && shelf.taken.pieces.isEmpty)
        }
    }

    @Test func aRefusalEndsIt() async throws {
        let shelf = Shelf(refusing: 1)
        try await run(shelf) { gateway, token, _ in
            let answer = try await upload(Self.file(1 << 20), to: gateway, token)
            #expect(answer.status == 409 && answer.code == "full")
            // Whoever has refused it knows.
            #expect(shelf.taken.pieces.count == 2 && shelf.taken.broken.isEmpty)
        }
    }

    /// The service had no time for the piece, and those before it are still there.
    @Test(arguments: [1, 2]) func aBodyThatNobodyHadTimeForEndsToo(place: Int) async throws {
        let shelf = Shelf(refusing: place, with: 503)
        try await run(shelf) { gateway, token, _ in
            let answer = try await upload(Self.file(1 << 20), to: gateway, token)
            #expect(answer.status == 503 && shelf.taken.broken.map(\.number) == [place])
        }
    }

    @Test func whoMayNoLongerIsStopped() async throws {
        let shelf = Shelf(isOpen: false)
        try await run(shelf) { gateway, token, user in
            async let answer = upload(Self.file(1 << 20), to: gateway, token)
            try await eventually("the first piece is there") { shelf.taken.pieces.count == 1 }
            gateway.access.change { changes in
                for index in changes.users.indices where changes.users[index].id == user {
                    changes.users[index].memberships = []
                }
            }
            try await eventually("the gateway knows") {
                try await gateway.get("/api/v1/things", [bearer(token)]).status != 200
            }
            shelf.open()
            #expect(try await answer.status == 401)
            #expect(shelf.taken.pieces.count == 1)
        }
    }
}

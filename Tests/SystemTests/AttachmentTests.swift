import Contracts
import Core
import Operator
import FoundationEssentials
import NIOCore
import NIOPosix
import Redis
import Synchronization
import TestKit
import Testing

extension SystemTests {
    /// Files from a client's socket to a patient, through all of it.
    @Suite struct AttachmentTests {
        /// Half of a file is sent and then nothing: what Redis holds of it meanwhile is no more than a piece, and nothing stays.
        @Test(.timeLimit(.minutes(4))) func redisNeverHoldsAFile() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let token = try #require(admin.token)
            let before = try await suite.withRedis { try await memory($0) }
            let samples = try await Upload.halfWay(
                at: suite.demo.baseURL,
                headers: [
                    "Authorization: Bearer \(token)", "X-Clinic-Id: \(suite.demo.clinicId)",
                    "Content-Type: application/pdf",
                ]
            ) { try await suite.withRedis { try await memory($0) } }
            let during = samples.max() ?? .max
            #expect(during - before < 2 << 20, "\(before) → \(during) bytes")
        }

        @Test(.timeLimit(.minutes(4))) func aFileThatWasUploadedArrives() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let file = Array("%PDF-1.7".utf8) + [UInt8](repeating: 65, count: 1 << 20)
            let key = "\(RequestID())"
            func upload(_ file: [UInt8]) async throws -> Client.Answer {
                try await admin.send(
                    "POST",
                    "/communication/attachments?filename=letter.pdf",
                    raw: file,
                    headers: ["Content-Type": "application/pdf", "Idempotency-Key": key]
                )
            }
            let answer = try await upload(file)
            try #require(answer.status == 201, "\(answer.text)")
            let id = try answer.json.text("id")
            let again = try await upload(file)
            #expect(again.status == 201 && again.json["id"] == .string(id))
            #expect(again.headers["idempotency-replayed"] == "true")
            #expect(try await upload(file + [66]).json["code"] == "idempotency_key_reused")
            let address = "files-\(RequestID())@example.org"
            try await admin.expect(
                202,
                from: "POST",
                "/communication/messages",
                [
                    "to": ["email": .string(address)], "channels": ["email"],
                    "content": ["subject": "Your letter", "text": "See the letter."],
                    "attachments": [["attachmentId": .string(id)]],
                ]
            )
            let arrived = try await eventually("the file has arrived", within: .seconds(60)) {
                try await suite.sandbox.expect(200, from: "GET", "/messages").items.first { item in
                    guard case .array(let to)? = item["to"] else { return false }
                    return to.contains(.string(address))
                }
            }
            guard case .array(let files)? = arrived["files"], let received = files.first else {
                throw TestKitError("no file: \(arrived)")
            }
            #expect(files.count == 1 && received["name"]?.string == "letter.pdf")
            let isSame = received["content"]?.string.flatMap { Base64.decode($0) } == file
            #expect(isSame)
            let stranger = try await suite.api.signedIn(
                suite.demo.secondClinic.admin,
                clinic: suite.demo.secondClinic.clinicId
            )
            let refused = try await stranger.send(
                "POST",
                "/communication/messages",
                [
                    "to": ["email": .string(address)],
                    "content": ["subject": "Your letter", "text": "See the letter."],
                    "attachments": [["attachmentId": .string(id)]],
                ]
            )
            #expect(refused.status == 422 || refused.status == 409, "\(refused.text)")
        }

        /// Bytes of all keys.
        private func memory(_ redis: RedisClient) async throws -> Int {
            var bytes = 0
            for key in try await redis.send(["KEYS", "*"]).array?.compactMap(\.string) ?? [] {
                bytes += Int(try await redis.send(["MEMORY", "USAGE", .text(key), "SAMPLES", "0"]).integer ?? 0)
            }
            return bytes
        }
    }
}

/// An upload that stops half way.
private enum Upload {
    /// - Parameter sample: called again and again while half of the file is sent, and once afterwards.
    static func halfWay(
        at base: String,
        headers: [String],
        _ sample: @escaping @Sendable () async throws -> Int
    ) async throws -> [Int] {
        guard let parts = URLComponents(string: base), let host = parts.host, let port = parts.port else {
            throw TestKitError("not a URL: \(base)")
        }
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { _, outbound in
            let head =
                ["POST /api/v1/communication/attachments?filename=half.pdf HTTP/1.1", "Host: localhost"] + headers
                + ["Content-Length: 10485760"]
            try await outbound.write(ByteBuffer(string: head.joined(separator: "\r\n") + "\r\n\r\n%PDF-1.7"))
            let isOver = Mutex(false)
            async let written: Void = {
                defer { isOver.withLock { $0 = true } }
                for _ in 0..<5 { try await outbound.write(ByteBuffer(repeating: 65, count: 1 << 20)) }
            }()
            var samples: [Int] = []
            while !isOver.withLock({ $0 }) { samples.append(try await sample()) }
            try await written
            samples.append(try await sample())
            return samples
        }
    }
}

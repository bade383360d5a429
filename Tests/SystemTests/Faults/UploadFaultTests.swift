import Contracts
import Core
import Crypto
import FoundationEssentials
import NIOCore
import NIOPosix
import Operator
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// Uploads that are cut off in the middle by a process that is killed.
    @Suite struct UploadFaultTests {
        /// No two of its pieces are the same.
        private static let file: [UInt8] =
            Array("%PDF-1.7".utf8) + (0..<1_500).flatMap { [UInt8](repeating: UInt8($0 % 251), count: 1_000) }
        private static let digest = Array(SHA256.hash(data: file)).hex

        /// What is there of the file is no file: no message can have it, its room is given back, and the client begins again.
        @Test(.timeLimit(.minutes(6)), arguments: ["gateway", "communication"])
        func aKilledProcessLeavesNoHalfFile(name: String) async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let before = try await suite.halfUploads()
            let status = try await HalfUpload.send(
                Self.file,
                to: suite.demo.baseURL,
                headers: [
                    "Authorization: Bearer \(try #require(admin.token))", "X-Clinic-Id: \(suite.demo.clinicId)",
                    "Content-Type: application/pdf",
                ]
            ) {
                try await eventually("half of it is taken") {
                    try await !suite.halfUploads().subtracting(before).isEmpty
                }
                try await suite.killProcess(name)
            }
            try await suite.answersAgain(admin)
            let halves = try await suite.halfUploads().subtracting(before)
            // Another process may have taken the pieces up; then the file is whole.
            #expect(halves.count == (status == 201 ? 0 : 1), "\(name): \(String(describing: status))")
            for half in halves {
                let refused = try await admin.send("POST", "/communication/messages", Self.message(with: half))
                #expect(refused.status == 422, "\(refused.text)")
                #expect(refused.text.contains("/attachments/0/attachmentId"))
            }
            try await Self.uploadAgain(suite, admin)
            try await suite.passTimeOfHalfUploads()
            try await eventually("the room is given back", within: .seconds(90)) {
                try await suite.halfUploads().isDisjoint(with: halves)
            }
            let pieces = try await Ledger(suite: suite).rows(
                .communication,
                """
                select p.upload_id::text, '' from upload_pieces p
                    left join uploads u on u.clinic_id = p.clinic_id and u.id = p.upload_id where u.id is null
                """
            )
            #expect(pieces.isEmpty)
        }

        /// The same file once more, and a message with it.
        private static func uploadAgain(_ suite: RunningSuite, _ admin: Client) async throws {
            let whole = try await admin.send(
                "POST",
                "/communication/attachments?filename=letter.pdf&sha256=\(digest)",
                raw: file,
                headers: ["Content-Type": "application/pdf"]
            )
            try #require(whole.status == 201, "\(whole.text)")
            #expect(try whole.json.text("sha256") == digest)
            let address = "again-\(RequestID())@example.org"
            let message = message(with: try whole.json.text("id"), to: address)
            try await admin.expect(202, from: "POST", "/communication/messages", message)
            let arrived = try await eventually("the letter arrives", within: .seconds(60)) {
                try await suite.sandbox.expect(200, from: "GET", "/messages").items.last { item in
                    guard case .array(let to)? = item["to"] else { return false }
                    return to.contains(.string(address))
                }
            }
            guard case .array(let files)? = arrived["files"], files.count == 1 else {
                Issue.record("the letter came without its file")
                return
            }
            let isSame = files[0]["content"]?.string == Data(file).base64EncodedString()
            #expect(isSame)
        }

        private static func message(with upload: String, to address: String = "patient@example.org") -> JSONValue {
            [
                "to": ["email": .string(address)], "channels": ["email"],
                "content": ["subject": "Your letter", "text": "See the letter."],
                "attachments": [["attachmentId": .string(upload)]],
            ]
        }
    }
}

extension RunningSuite {
    /// Uploads that are not whole and have a piece.
    fileprivate func halfUploads() async throws -> Set<String> {
        let rows = try await Ledger(suite: self).rows(
            .communication,
            "select id::text, '' from uploads where not is_whole and pieces > 0"
        )
        return Set(rows.map(\.0))
    }

    /// As if the patience with them had ended.
    fileprivate func passTimeOfHalfUploads() async throws {
        try Migrator.execute(
            """
            update communication.uploads set expires_at = now() where not is_whole;
            update communication.jobs set due_at = now() where handler = 'uploads.expire';
            insert into communication.job_wakes (clinic_id, lane, due_at)
                select distinct clinic_id, lane, now() from communication.jobs where handler = 'uploads.expire'
            """,
            url: adminURL
        )
    }

    /// Everything that was killed is there again.
    func answersAgain(_ client: Client) async throws {
        try await eventually("the suite answers again", within: .seconds(90)) {
            (try? await client.send("GET", "/communication/messages?limit=1"))?.status == 200
        }
    }
}

/// A body in the middle of which something happens.
enum HalfUpload {
    /// Sends half of a file, waits for what happens meanwhile, and sends the rest; the status of the answer, if there is one.
    static func send(
        _ file: [UInt8],
        to base: String,
        at path: String = "/api/v1/communication/attachments?filename=half.pdf",
        headers: [String],
        meanwhile: @escaping @Sendable () async throws -> Void
    ) async throws -> Int? {
        guard let parts = URLComponents(string: base), let host = parts.host, let port = parts.port else {
            throw TestKitError("not a URL: \(base)")
        }
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let head =
            [
                "POST \(path) HTTP/1.1", "Host: localhost",
                "Connection: close",
            ]
            + headers + ["Content-Length: \(file.count)"]
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: head.joined(separator: "\r\n") + "\r\n\r\n"))
            try await outbound.write(ByteBuffer(bytes: file[..<(file.count / 2)]))
            try await meanwhile()
            do {
                try await outbound.write(ByteBuffer(bytes: file[(file.count / 2)...]))
                var answer = ""
                for try await part in inbound {
                    answer += String(buffer: part)
                    if answer.contains("\r\n\r\n") { break }
                }
                return answer.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            } catch {
                // The connection went with the process.
                return nil
            }
        }
    }
}

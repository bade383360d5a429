import Contracts
import Core
import FoundationEssentials
import NIOCore
import NIOPosix
import Testing

@testable import Outbound

/// Look-ups of TXT records, against messages that another implementation has packed.
@Suite(.timeLimit(.minutes(1))) struct TextRecordsTests {
    private struct Case: Sendable {
        let name: String
        let domain: String
        let question: [UInt8]
        let answer: [UInt8]
        let texts: [[UInt8]]
        let code: UInt8
        let isCut: Bool
    }

    private static let id: UInt16 = 0x1234

    private func cases(file: String = #filePath) throws -> [Case] {
        let tests = URL(filePath: file).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "Golden/providers/dns_messages.json"))
        guard case .array(let items) = try JSONTape(Array(data)).decode(JSONValue.self)["cases"] else { return [] }
        return try items.map { item in
            guard case .array(let texts) = item["texts"], case .integer(let code) = item["code"] else {
                throw CancellationError()
            }
            func bytes(_ value: JSONValue?) throws -> [UInt8] { try #require([UInt8](hex: value?.string ?? "?")) }
            return Case(
                name: item["name"]?.string ?? "",
                domain: item["domain"]?.string ?? "",
                question: try bytes(item["question"]),
                answer: try bytes(item["answer"]),
                texts: try texts.map { try bytes($0) },
                code: UInt8(code),
                isCut: item["isCut"] == .bool(true)
            )
        }
    }

    @Test func questionsAndAnswersAreThoseOfAnotherImplementation() throws {
        let cases = try cases()
        #expect(cases.count == 9)
        for item in cases {
            let question = try #require(DNSMessage.question(item.domain, id: Self.id))
            #expect(question == item.question, "\(item.name)")
            let answer = try #require(DNSMessage(item.answer, to: question), "\(item.name)")
            #expect(
                answer.texts == item.texts && answer.code == item.code && answer.isCut == item.isCut,
                "\(item.name)"
            )
        }
    }

    @Test func whatIsNoAnswerToTheQuestionIsNone() throws {
        for item in try cases() {
            let other = try #require(DNSMessage.question("other.example", id: Self.id))
            #expect(DNSMessage(item.answer, to: other) == nil)
            let later = try #require(DNSMessage.question(item.domain, id: Self.id + 1))
            #expect(DNSMessage(item.answer, to: later) == nil)
            #expect(DNSMessage(item.question, to: item.question) == nil)
            // However it is cut or changed, nothing is read beyond it.
            for end in 0..<item.answer.count {
                _ = DNSMessage(Array(item.answer[..<end]), to: item.question)
                var changed = item.answer
                changed[end] ^= 0xFF
                _ = DNSMessage(changed, to: item.question)
            }
            #expect(DNSMessage(Array(item.answer.dropLast(20)), to: item.question)?.texts.isEmpty != false)
        }
    }

    @Test(arguments: [
        "", ".", "a..b", "example.com.", String(repeating: "a", count: 64), "b\u{FC}ro.example", "a b.example",
        String(repeating: "abcdefgh.", count: 32) + "x",
    ]) func whatIsNoNameIsNotAskedFor(name: String) {
        #expect(DNSMessage.question(name, id: 1) == nil)
    }

    @Test(arguments: [
        ("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.1" as String?), ("nameserver\t::1", "::1"),
        ("# nameserver 192.0.2.1\nsearch example\n", nil), ("nameserver nowhere\n", nil), ("", nil),
    ]) func theMachinesNameServer(text: String, server: String?) {
        #expect(TextRecords.server(in: text) == server)
    }

    // MARK: - Over the wire

    /// Answers every question with one of the recorded answers, at a port of its own; over TCP with another one.
    private func serving(
        _ datagram: [UInt8]?,
        stream: [UInt8] = [],
        _ body: (TextRecords) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let tcp = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(StreamAnswerer(answer: stream))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(tcp.localAddress?.port)
        let udp = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramAnswerer(answer: datagram))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        do {
            try await body(TextRecords(host: "127.0.0.1", port: port))
        } catch {
            Issue.record(error)
        }
        try await udp.close().get()
        try await tcp.close().get()
    }

    @Test func aNamesTextsAreAskedFor() async throws {
        let cases = Dictionary(uniqueKeysWithValues: try cases().map { ($0.name, $0) })
        let one = try #require(cases["one text"])
        try await serving(one.answer) { records in
            let texts = try await records.texts(of: one.domain, deadline: .after(.seconds(20)))
            #expect(texts == ["v=spf1 include:amazonses.com -all"])
        }
        let none = try #require(cases["no such name"])
        try await serving(none.answer) { records in
            let texts = try await records.texts(of: none.domain, deadline: .after(.seconds(20)))
            #expect(texts.isEmpty)
        }
        let failure = try #require(cases["a server's failure"])
        try await serving(failure.answer) { records in
            await #expect(throws: TextRecordsError.unavailable) {
                try await records.texts(of: failure.domain, deadline: .after(.seconds(20)))
            }
        }
    }

    @Test func whatDoesNotFitComesOverTCP() async throws {
        let cases = Dictionary(uniqueKeysWithValues: try cases().map { ($0.name, $0) })
        let (cut, whole) = (try #require(cases["cut off"]), try #require(cases["several"]))
        try await serving(cut.answer, stream: whole.answer) { records in
            let texts = try await records.texts(of: whole.domain, deadline: .after(.seconds(20)))
            #expect(texts == ["v=spf1 -all", "other=1"])
        }
    }

    @Test func whoDoesNotAnswerIsNotWaitedForLong() async throws {
        try await serving(nil) { records in
            await #expect(throws: TextRecordsError.unavailable) {
                try await records.texts(of: "clinic.example", deadline: .after(.milliseconds(300)))
            }
            await #expect(throws: TextRecordsError.malformedName) {
                try await records.texts(of: "no name", deadline: .after(.seconds(5)))
            }
        }
        await #expect(throws: TextRecordsError.unavailable) {
            try await TextRecords(host: "nowhere", port: 53).texts(of: "clinic.example", deadline: .after(.seconds(5)))
        }
    }
}

/// Gives the recorded answer under the id of the question; nothing when there is none.
private final class DatagramAnswerer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let answer: [UInt8]?

    init(answer: [UInt8]?) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let answer else { return }
        let bytes = Array(envelope.data.readableBytesView.prefix(2)) + answer.dropFirst(2)
        let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: bytes))
        context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
    }
}

private final class StreamAnswerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: [UInt8]

    init(answer: [UInt8]) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let question = Array(unwrapInboundIn(data).readableBytesView)
        guard question.count >= 4 else { return }
        var reply = ByteBuffer()
        reply.writeInteger(UInt16(answer.count))
        reply.writeBytes(question[2..<4])
        reply.writeBytes(answer.dropFirst(2))
        context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
    }
}

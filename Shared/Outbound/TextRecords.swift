package import Core
import FoundationEssentials
import NIOCore
import NIOPosix

/// Why nobody can say what records a name has.
package enum TextRecordsError: Error, Equatable {
    /// No name server is set, or it does not answer or answers that it cannot.
    case unavailable
    /// It is no name that can be asked for.
    case malformedName
}

/// Looks TXT records up at the system's name server.
///
/// The server is the machine's own: what clinics write decides about the name that is asked for, never about who is asked.
package struct TextRecords: Sendable {
    /// A datagram may be lost: so often it is sent.
    static let tries = 2
    static let tryTime: Duration = .milliseconds(1_500)
    static let port = 53
    static let configuration = "/etc/resolv.conf"

    private let host: String?
    private let port: Int

    /// Asks the first name server of `/etc/resolv.conf`.
    package init() {
        let text = FileManager.default.contents(atPath: Self.configuration).map { String(decoding: $0, as: UTF8.self) }
        host = Self.server(in: text ?? "")
        port = Self.port
    }

    /// Asks a certain name server.
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    static func server(in text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count >= 2, words[0] == "nameserver", IPAddress(String(words[1])) != nil {
                return String(words[1])
            }
        }
        return nil
    }

    /// The TXT records of a name, none if there is no such name.
    package func texts(of name: String, deadline: Deadline) async throws(TextRecordsError) -> [String] {
        guard let host, let address = try? SocketAddress(ipAddress: host, port: port) else { throw .unavailable }
        let id = UInt16.random(in: 0 ... .max)
        guard let question = DNSMessage.question(name, id: id) else { throw .malformedName }
        for _ in 0..<Self.tries where !deadline.hasPassed() {
            let limit = min(Self.tryTime, deadline.remaining())
            guard var answer = await Self.answer(within: limit, { try await Self.datagram(question, address) }) else {
                continue
            }
            if answer.isCut {
                let time = min(Self.tryTime, deadline.remaining())
                guard let whole = await Self.answer(within: time, { try await Self.stream(question, address) }) else {
                    continue
                }
                answer = whole
            }
            switch answer.code {
            case 0: return answer.texts.map { String(decoding: $0, as: UTF8.self) }
            case 3: return []
            default: throw .unavailable
            }
        }
        throw .unavailable
    }

    /// What `body` gives, `nil` if it takes too long or fails.
    private static func answer(
        within limit: Duration,
        _ body: @escaping @Sendable () async throws -> DNSMessage?
    ) async -> DNSMessage? {
        try? await withTimeLimit(limit, body) ?? nil
    }

    /// One datagram there and one back; a connected socket hears nobody else.
    private static func datagram(_ question: [UInt8], _ address: SocketAddress) async throws -> DNSMessage? {
        typealias Envelope = AddressedEnvelope<ByteBuffer>
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<Envelope, Envelope>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(Envelope(remoteAddress: address, data: ByteBuffer(bytes: question)))
            for try await envelope in inbound {
                if let answer = DNSMessage(Array(envelope.data.readableBytesView), to: question) { return answer }
            }
            return nil
        }
    }

    /// The same over TCP, each message behind its length.
    private static func stream(_ question: [UInt8], _ address: SocketAddress) async throws -> DNSMessage? {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var request = ByteBuffer()
            request.writeInteger(UInt16(question.count))
            request.writeBytes(question)
            try await outbound.write(request)
            var received = ByteBuffer()
            for try await part in inbound {
                received.writeImmutableBuffer(part)
                guard let length = received.getInteger(at: received.readerIndex, as: UInt16.self) else { continue }
                if let bytes = received.getBytes(at: received.readerIndex + 2, length: Int(length)) {
                    return DNSMessage(bytes, to: question)
                }
            }
            return nil
        }
    }
}

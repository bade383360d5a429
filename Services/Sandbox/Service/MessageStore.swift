import Contracts
import Core
import Synchronization

/// A message as its recipient has it.
struct ReceivedMessage: Sendable {
    let id: String
    let provider: String
    let channel: String
    let at: Instant
    let from: String
    let to: [String]
    let subject: String?
    let text: String?
    let html: String?
    /// The sender's own reference.
    let reference: String?
    let headers: [(name: String, value: String)]
    let bytes: Int

    var json: JSONValue {
        [
            "id": .string(id), "provider": .string(provider), "channel": .string(channel), "at": .string(at.rfc3339),
            "from": .string(from), "to": .array(to.map { .string($0) }), "subject": .text(subject), "text": .text(text),
            "html": .text(html), "reference": .text(reference), "size": .integer(Int64(bytes)),
            "headers": .object(Dictionary(headers.map { ($0.name, .string($0.value)) }) { first, _ in first }),
        ]
    }
}

extension JSONValue {
    /// A text, or null.
    static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
}

/// What arrived, the newest last; the oldest go when there is no more room.
final class MessageStore: Sendable {
    static let most = 20_000
    static let mostBytes = 64 << 20

    private let state = Mutex((messages: [ReceivedMessage](), bytes: 0))

    var all: [ReceivedMessage] { state.withLock { $0.messages } }

    func add(_ message: ReceivedMessage) {
        state.withLock { state in
            state.messages.append(message)
            state.bytes += message.bytes
            while state.messages.count > Self.most || (state.bytes > Self.mostBytes && state.messages.count > 1) {
                state.bytes -= state.messages.removeFirst().bytes
            }
        }
    }

    func clear() { state.withLock { $0 = ([], 0) } }
}

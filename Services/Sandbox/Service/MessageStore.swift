import Contracts
import Core
import DequeModule
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
    var files: [ReceivedFile] = []

    var json: JSONValue {
        [
            "id": .string(id), "provider": .string(provider), "channel": .string(channel), "at": .string(at.rfc3339),
            "from": .string(from), "to": .array(to.map { .string($0) }), "subject": .text(subject), "text": .text(text),
            "html": .text(html), "reference": .text(reference), "size": .integer(Int64(bytes)),
            "files": .array(files.map(\.json)),
            "headers": .object(Dictionary(headers.map { ($0.name, .string($0.value)) }) { first, _ in first }),
        ]
    }
}

/// A file of a message, as its recipient has it.
struct ReceivedFile: Sendable, Hashable {
    let name: String
    let type: String
    let contentID: String?
    let bytes: [UInt8]

    var json: JSONValue {
        [
            "name": .string(name), "type": .string(type), "contentId": .text(contentID),
            "size": .integer(Int64(bytes.count)), "content": .string(Base64.encode(bytes)),
        ]
    }

    /// Reads a provider's list of files; `nil` when one of them is not whole.
    ///
    /// - Parameter keys: how the provider calls content, name, type and content id.
    static func list(_ value: JSONValue?, _ keys: (String, String, String, String)) -> [ReceivedFile]? {
        guard let value, value != .null else { return [] }
        guard case .array(let items) = value else { return nil }
        let files = items.compactMap { item -> ReceivedFile? in
            guard let bytes = item[keys.0]?.string.flatMap({ Base64Text.decode($0) }), let name = item[keys.1]?.string,
                !name.isEmpty
            else { return nil }
            return ReceivedFile(
                name: name,
                type: item[keys.2]?.string ?? "application/octet-stream",
                contentID: item[keys.3]?.string,
                bytes: bytes
            )
        }
        return files.count == items.count ? files : nil
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

    private let state = Mutex((messages: Deque<ReceivedMessage>(), bytes: 0))

    var all: [ReceivedMessage] { state.withLock { Array($0.messages) } }

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

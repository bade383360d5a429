/// Why a command has no reply.
package struct RedisError: Error, Hashable, Sendable {
    package enum Code: Hashable, Sendable {
        /// The connection is gone; `sent` says that the command had left, so that its effect is not known.
        case connectionLost(sent: Bool)
        /// The server refused; its first word (`NOGROUP`, `BUSYGROUP`, `OOM` …), never the text behind it.
        case server(String)
        /// The server sent what the protocol does not know, or a reply of another kind than the command has.
        case `protocol`
        /// A reply is longer than `RedisConnection.replyBytesMax`.
        case tooLarge
        /// More is queued than the connection takes; nothing was sent.
        case overloaded
        /// The calling task was cancelled; the command may have been carried out.
        case cancelled
    }

    package let code: Code

    package init(_ code: Code) { self.code = code }

    package static func connectionLost(sent: Bool) -> RedisError { RedisError(.connectionLost(sent: sent)) }
    package static func server(_ word: String) -> RedisError { RedisError(.server(word)) }
    package static let `protocol` = RedisError(.protocol)
    package static let tooLarge = RedisError(.tooLarge)
    package static let overloaded = RedisError(.overloaded)
    package static let cancelled = RedisError(.cancelled)

    /// The stream or its group is not there (any more).
    package var isNoGroup: Bool { code == .server("NOGROUP") }
    /// Whether the command certainly did not reach the server.
    package var wasNotSent: Bool { code == .connectionLost(sent: false) || code == .overloaded }
}

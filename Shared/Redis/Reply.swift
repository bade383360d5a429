/// What Redis answers (RESP2).
package enum Reply: Hashable, Sendable {
    case simple(String)
    /// The whole line; only its first word leaves this module's errors.
    case error(String)
    case integer(Int64)
    case bulk([UInt8])
    case array([Reply])
    case null
}

extension Reply {
    /// The text of a simple or bulk reply that is valid UTF-8.
    package var string: String? {
        switch self {
        case .simple(let text): text
        case .bulk(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    package var bytes: [UInt8]? {
        switch self {
        case .bulk(let bytes): bytes
        case .simple(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The number of an integer reply, or of a text that is one.
    package var integer: Int64? {
        switch self {
        case .integer(let number): number
        default: string.flatMap { Int64($0) }
        }
    }

    package var array: [Reply]? { if case .array(let items) = self { items } else { nil } }
    package var isNull: Bool { self == .null }

    /// The reply, or the server's refusal as an error.
    package func checked() throws(RedisError) -> Reply {
        guard case .error(let line) = self else { return self }
        throw .server(line.split(separator: " ", maxSplits: 1).first.map(String.init) ?? "ERR")
    }

    /// The items of a reply that stands for a map: name, value, name, value, and so on.
    package var fields: [String: Reply] {
        guard let items = array else { return [:] }
        var found: [String: Reply] = [:]
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            if let name = items[index].string { found[name] = items[index + 1] }
        }
        return found
    }
}

import CHiredis
import NIOCore

/// hiredis' reply parser with a bound on what it may gather: it has none of its own on a bulk's or an array's length.
@safe
final class ReplyReader {
    private let reader: UnsafeMutablePointer<redisReader>
    private let bytesMax: Int
    /// Bytes fed since the last whole reply.
    private var gathered = 0

    init?(bytesMax: Int) {
        guard let reader = unsafe redisReaderCreate() else { return nil }
        unsafe self.reader = unsafe reader
        self.bytesMax = bytesMax
    }

    deinit { unsafe redisReaderFree(reader) }

    /// Takes bytes in and hands out every reply that is whole by now.
    func feed(_ bytes: ByteBuffer, _ deliver: (Reply) throws(RedisError) -> Void) throws(RedisError) {
        gathered += bytes.readableBytes
        let fed = unsafe bytes.withUnsafeReadableBytes { bytes in
            unsafe redisReaderFeed(reader, bytes.baseAddress, bytes.count)
        }
        guard fed == REDIS_OK else { throw .protocol }
        while let reply = try next() {
            gathered = 0
            try deliver(reply)
        }
        if gathered > bytesMax { throw .tooLarge }
    }

    private func next() throws(RedisError) -> Reply? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(reader, &raw) == REDIS_OK else { throw .protocol }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        return unsafe Self.convert(raw.assumingMemoryBound(to: redisReply.self))
    }

    private static func convert(_ reply: UnsafeMutablePointer<redisReply>) -> Reply {
        switch unsafe reply.pointee.type {
        case REDIS_REPLY_STRING: unsafe .bulk(bytes(of: reply))
        case REDIS_REPLY_STATUS: unsafe .simple(String(decoding: bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_ERROR: unsafe .error(String(decoding: bytes(of: reply), as: UTF8.self))
        case REDIS_REPLY_INTEGER: unsafe .integer(reply.pointee.integer)
        case REDIS_REPLY_ARRAY: unsafe .array(items(of: reply))
        default: .null
        }
    }

    private static func bytes(of reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        guard let text = unsafe reply.pointee.str else { return [] }
        let raw = unsafe UnsafeRawBufferPointer(start: text, count: Int(reply.pointee.len))
        return unsafe [UInt8](raw)
    }

    private static func items(of reply: UnsafeMutablePointer<redisReply>) -> [Reply] {
        let count = unsafe Int(reply.pointee.elements)
        guard count > 0, let elements = unsafe reply.pointee.element else { return [] }
        var items: [Reply] = []
        items.reserveCapacity(count)
        for index in 0..<count {
            guard let element = unsafe elements[index] else { continue }
            unsafe items.append(convert(element))
        }
        return items
    }
}

/// W3C trace context: one request's way through all processes.
package struct TraceContext: Hashable, Sendable {
    package let traceHigh: UInt64
    package let traceLow: UInt64
    package let span: UInt64
    package let sampled: Bool

    /// A new trace.
    package init() {
        traceHigh = RandomWords.next()
        traceLow = RandomWords.next() | 1
        span = RandomWords.next() | 1
        sampled = true
    }

    private init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, sampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.sampled = sampled
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; `nil` for anything else, all-zero ids included (an invalid header is ignored).
    package init?(traceparent: String) {
        var digits = LowerHex(Array(traceparent.utf8))
        // Other versions than 00 may have more behind the flags.
        guard let version = digits.word(2), version != 0xFF, digits.dash(), let high = digits.word(16),
            let low = digits.word(16), digits.dash(), let span = digits.word(16), digits.dash(),
            let flags = digits.word(2), digits.isAtEnd || (version != 0 && digits.dash()), high | low != 0, span != 0
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, sampled: flags & 1 == 1)
    }

    /// A new span of the same trace.
    package func child() -> TraceContext {
        TraceContext(traceHigh: traceHigh, traceLow: traceLow, span: RandomWords.next() | 1, sampled: sampled)
    }

    /// 32 hexadecimal digits.
    package var traceID: String { Self.hex(traceHigh) + Self.hex(traceLow) }
    /// 16 hexadecimal digits.
    package var spanID: String { Self.hex(span) }
    package var traceparent: String { "00-\(traceID)-\(spanID)-\(sampled ? "01" : "00")" }

    private static func hex(_ word: UInt64) -> String {
        let text = String(word, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

/// Reads lower-case hexadecimal digits and dashes one behind the other.
private struct LowerHex {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func word(_ digits: Int) -> UInt64? {
        guard bytes.count - position >= digits else { return nil }
        var word: UInt64 = 0
        for byte in bytes[position..<position + digits] {
            guard let value = byte.hexValue, !(65...70).contains(byte) else { return nil }
            word = word << 4 | UInt64(value)
        }
        position += digits
        return word
    }

    mutating func dash() -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "-") else { return false }
        position += 1
        return true
    }
}

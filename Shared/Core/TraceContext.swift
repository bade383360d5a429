/// W3C trace context: one request's way through all processes.
package struct TraceContext: Hashable, Sendable {
    package let traceHigh: UInt64
    package let traceLow: UInt64
    package let span: UInt64
    package let sampled: Bool

    /// A new trace.
    package init() {
        var generator = SystemRandomNumberGenerator()
        traceHigh = generator.next()
        traceLow = generator.next() | 1
        span = generator.next() | 1
        sampled = true
    }

    private init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, sampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.sampled = sampled
    }

    /// Reads `00-<32 hex>-<16 hex>-<2 hex>`; `nil` for anything else, all-zero ids included (an invalid header is ignored).
    package init?(traceparent: some StringProtocol) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts[0].utf8.count == 2, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            parts[1].utf8.count == 32, parts[2].utf8.count == 16, parts[3].utf8.count == 2,
            parts.prefix(4).allSatisfy({ $0.utf8.allSatisfy { $0.hexValue != nil && !(65...70).contains($0) } }),
            let high = UInt64(parts[1].prefix(16), radix: 16), let low = UInt64(parts[1].suffix(16), radix: 16),
            let span = UInt64(parts[2], radix: 16), let flags = UInt8(parts[3], radix: 16), high | low != 0, span != 0
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, sampled: flags & 1 == 1)
    }

    /// A new span of the same trace.
    package func child() -> TraceContext {
        var generator = SystemRandomNumberGenerator()
        return TraceContext(traceHigh: traceHigh, traceLow: traceLow, span: generator.next() | 1, sampled: sampled)
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

import Glibc

/// The lines of a file of a bundle, read in pieces.
struct LineReader<Source: BundleSource> {
    static var piece: Int64 { 1 << 20 }
    /// The longest line that is read; entries are shorter.
    static var longestLine: Int { 65_535 }

    private let source: Source
    private var rest: Range<Int64>
    private var buffer: [UInt8] = []
    private var position = 0

    init(_ source: Source, _ member: Tar.Member) {
        self.source = source
        rest = member.offset..<member.offset + member.size
    }

    /// The next line without its newline, `nil` at the end.
    mutating func next() throws -> ArraySlice<UInt8>? {
        while true {
            if let end = newline() {
                defer { position = end + 1 }
                return buffer[position..<end]
            }
            guard buffer.count - position <= Self.longestLine else {
                throw BundleError("A line of the bundle is too long.")
            }
            guard !rest.isEmpty else {
                guard position < buffer.count else { return nil }
                defer { position = buffer.count }
                return buffer[position...]
            }
            let end = min(rest.lowerBound + Self.piece, rest.upperBound)
            buffer = Array(buffer[position...]) + (try source.read(rest.lowerBound..<end))
            position = 0
            rest = end..<rest.upperBound
        }
    }

    private func newline() -> Int? {
        guard position < buffer.count else { return nil }
        return unsafe buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = unsafe memchr(base + position, 10, bytes.count - position)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}

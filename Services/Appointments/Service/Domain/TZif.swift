import Core

/// Reads TZif files, versions 2 and later (RFC 8536).
enum TZif {
    private static let headerLength = 44

    /// The rules in a file; `nil` when it is not such a file.
    static func rules(_ bytes: [UInt8]) -> ZoneRules? {
        guard let old = Header(bytes, at: 0), old.version >= UInt8(ascii: "2") else { return nil }
        // The first block holds the same with 32 bits, for old readers.
        let start = headerLength + old.length(timeSize: 4)
        guard let header = Header(bytes, at: start) else { return nil }
        var reader = ByteReader(bytes, at: start + headerLength)
        guard let transitions = reader.integers(header.times, size: 8),
            let kinds = reader.integers(header.times, size: 1)
        else { return nil }
        var offsets: [Int] = []
        for _ in 0..<header.types {
            guard let offset = reader.integers(1, size: 4)?.first, reader.integers(2, size: 1) != nil else {
                return nil
            }
            offsets.append(Int(offset))
        }
        let behind = start + headerLength + header.length(timeSize: 8)
        guard let first = offsets.first, kinds.allSatisfy({ offsets.indices.contains(Int($0)) }),
            zip(transitions, transitions.dropFirst()).allSatisfy({ $0 < $1 }), behind < bytes.count
        else { return nil }
        let footer = bytes[behind...].dropFirst().prefix { $0 != UInt8(ascii: "\n") }
        let text = String(decoding: footer, as: UTF8.self)
        let rule = YearlyRule(text)
        guard text.isEmpty || rule != nil else { return nil }
        return ZoneRules(transitions: transitions, offsets: kinds.map { offsets[Int($0)] }, first: first, rule: rule)
    }

    private struct Header {
        let version: UInt8
        let marks: Int
        let leaps: Int
        let times: Int
        let types: Int
        let letters: Int
        let universal: Int

        init?(_ bytes: [UInt8], at start: Int) {
            guard bytes.count >= start + headerLength, Array(bytes[start..<start + 4]) == Array("TZif".utf8) else {
                return nil
            }
            version = bytes[start + 4]
            var reader = ByteReader(bytes, at: start + 20)
            guard let counts = reader.integers(6, size: 4)?.map({ Int($0) }),
                counts.allSatisfy({ (0...100_000).contains($0) })
            else { return nil }
            universal = counts[0]
            marks = counts[1]
            leaps = counts[2]
            times = counts[3]
            types = counts[4]
            letters = counts[5]
        }

        func length(timeSize: Int) -> Int {
            times * (timeSize + 1) + types * 6 + letters + leaps * (timeSize + 4) + marks + universal
        }
    }

    /// Reads signed big-endian integers; single bytes unsigned.
    private struct ByteReader {
        private let bytes: [UInt8]
        private var position: Int

        init(_ bytes: [UInt8], at position: Int) {
            self.bytes = bytes
            self.position = position
        }

        mutating func integers(_ count: Int, size: Int) -> [Int64]? {
            guard bytes.count >= position + count * size else { return nil }
            var values: [Int64] = []
            values.reserveCapacity(count)
            for _ in 0..<count {
                let word = bytes[position..<position + size].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                values.append(size == 4 ? Int64(Int32(truncatingIfNeeded: word)) : Int64(bitPattern: word))
                position += size
            }
            return values
        }
    }
}

import Synchronization

/// Random words for identifiers, from the system's generator: fetched many at a time, since each fetch is a system call.
enum RandomWords {
    private static let fetched = 32
    private static let wordSize = MemoryLayout<UInt64>.size

    private static let words = Mutex<[UInt64]>([])

    static func next() -> UInt64 {
        words.withLock { words in
            if words.isEmpty {
                let bytes = RandomBytes.make(fetched * wordSize)
                words = stride(from: 0, to: bytes.count, by: wordSize).map { start in
                    bytes[start..<start + wordSize].reduce(0) { $0 << 8 | UInt64($1) }
                }
            }
            return words.removeLast()
        }
    }
}

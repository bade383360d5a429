import Glibc
import Synchronization

/// Random words for identifiers, from the system's generator: fetched many at a time, since each fetch is a system call.
enum RandomWords {
    /// `getentropy` gives 256 bytes at most.
    private static let fetched = 32

    private static let words = Mutex<[UInt64]>([])

    static func next() -> UInt64 {
        words.withLock { words in
            if words.isEmpty {
                words = Array(repeating: 0, count: fetched)
                let size = fetched * MemoryLayout<UInt64>.size
                let failure = unsafe words.withUnsafeMutableBytes { unsafe getentropy($0.baseAddress, size) }
                precondition(failure == 0, "Cannot go on without random numbers")
            }
            return words.removeLast()
        }
    }
}

import Crypto
import FoundationEssentials

/// A SHA-256 hash of a leaf, a node or a whole tree (RFC 6962 §2.1).
package struct TreeHash: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32

    // Four words instead of an array: a verifier holds millions of them, and none should cost an allocation.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    private init(_ digest: SHA256.Digest) {
        words = unsafe digest.withUnsafeBytes { bytes in
            unsafe (
                bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        }
    }

    /// Reads 32 bytes; `nil` for any other count.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(8 * (index % 8)) }
        self.words = (
            UInt64(littleEndian: words[0]), UInt64(littleEndian: words[1]), UInt64(littleEndian: words[2]),
            UInt64(littleEndian: words[3])
        )
    }

    /// The 32 bytes that begin at `offset`, which must all be there.
    init(_ bytes: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + Self.byteCount <= bytes.count, "Cannot read a hash past the end.")
        words = unsafe bytes.withUnsafeBytes { bytes in
            unsafe (
                bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
            )
        }
    }

    /// Reads standard base64 of 32 bytes.
    package init?(base64: some StringProtocol) {
        guard let data = Data(base64Encoded: String(base64)) else { return nil }
        self.init(bytes: data)
    }

    package var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            let word = word.littleEndian
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
        }
        return bytes
    }

    package var base64: String { Data(bytes).base64EncodedString() }
    package var description: String { base64 }

    /// The root of a tree without leaves: the hash of nothing.
    package static let empty = TreeHash(SHA256.hash(data: [UInt8]()))

    /// The hash of a leaf: SHA-256(0x00 ‖ entry).
    package static func leaf(_ entry: [UInt8]) -> TreeHash { leaf(entry[...]) }

    /// The hash of a leaf that lies in a larger buffer.
    package static func leaf(_ entry: ArraySlice<UInt8>) -> TreeHash {
        var hasher = SHA256()
        hasher.update(data: leafPrefix)
        unsafe entry.withUnsafeBytes { unsafe hasher.update(bufferPointer: $0) }
        return TreeHash(hasher.finalize())
    }

    /// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
    package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        var hasher = SHA256()
        hasher.update(data: nodePrefix)
        unsafe withUnsafeBytes(of: left.words) { unsafe hasher.update(bufferPointer: $0) }
        unsafe withUnsafeBytes(of: right.words) { unsafe hasher.update(bufferPointer: $0) }
        return TreeHash(hasher.finalize())
    }

    private static let leafPrefix: [UInt8] = [0]
    private static let nodePrefix: [UInt8] = [1]

    package static func == (left: TreeHash, right: TreeHash) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

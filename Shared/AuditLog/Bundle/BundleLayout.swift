import FoundationEssentials

/// The files of an export bundle.
package enum BundleLayout {
    /// The entries' canonical lines in the order of their `seq`, each with a newline.
    package static let entries = "entries.ndjson"
    /// The signed checkpoint that the export covers.
    package static let checkpoint = "checkpoint"
    /// The keys that sign the log: `{"items":[{"verifierKey":"…"}]}`.
    package static let keys = "keys.json"
    /// What was asked for, if that is less than the whole log.
    ///
    /// Its presence means that gaps are to be expected.
    package static let filter = "filter.json"

    /// An earlier checkpoint of the same log.
    package static func earlierCheckpoint(size: Int64) -> String { "checkpoints/\(size)" }
    package static let earlierCheckpoints = "checkpoints/"

    /// The offline proof of one entry of a filtered export (c2sp.org/tlog-proof).
    package static func proof(seq: Int64) -> String { "proofs/\(seq)" }
    package static let proofs = "proofs/"

    /// The contents of `keys.json`.
    package static func keysJSON(_ keys: [VerifierKey]) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(KeyList(items: keys.map { .init(verifierKey: $0.description) }))) + [10]
    }

    static func keys(json: [UInt8]) throws(BundleError) -> [VerifierKey] {
        guard let list = try? JSONDecoder().decode(KeyList.self, from: Data(json)) else {
            throw BundleError("\(keys) is not a list of keys.")
        }
        return list.items.compactMap { VerifierKey($0.verifierKey) }
    }

    private struct KeyList: Codable {
        struct Item: Codable { var verifierKey: String }
        var items: [Item]
    }
}

/// Writes a bundle piece by piece; nothing of it is kept.
package struct BundleWriter: ~Copyable {
    private let write: ([UInt8]) throws -> Void
    private var expected: Int64 = 0
    private var written: Int64 = 0

    /// `write` is given the bundle's bytes in order.
    package init(_ write: @escaping ([UInt8]) throws -> Void) { self.write = write }

    /// Adds a whole file.
    package mutating func add(_ name: String, _ contents: [UInt8]) throws {
        try begin(name, size: Int64(contents.count))
        try append(contents)
        try end()
    }

    /// Begins a file of exactly `size` bytes, which follow by `append`.
    package mutating func begin(_ name: String, size: Int64) throws {
        precondition(expected == written, "Cannot begin a file before the last one is complete.")
        try write(Tar.header(name: name, size: size))
        expected = size
        written = 0
    }

    /// The next bytes of the file begun last.
    package mutating func append(_ bytes: [UInt8]) throws {
        written += Int64(bytes.count)
        guard written <= expected else { throw BundleError("A file of the bundle is longer than announced.") }
        try write(bytes)
    }

    /// Ends the file begun last; an error if bytes are missing.
    package mutating func end() throws {
        guard written == expected else { throw BundleError("A file of the bundle is shorter than announced.") }
        try write(Tar.padding(after: expected))
        expected = 0
        written = 0
    }

    /// Ends the bundle.
    package consuming func finish() throws { try write(Tar.trailer) }
}

import Core
import Crypto
import FoundationEssentials
import Redis

/// An entry as it stands in a stream: the header, and the content sealed with AES-256-GCM.
///
/// The stream's name and the header's encoding, each behind its length, are the associated data, so an entry cannot be
/// moved to another stream, given another deadline or ascribed to another clinic.
struct SealedEntry: Sendable {
    static let headerField = "h"
    static let contentField = "c"

    let header: EntryHeader
    private let encodedHeader: [UInt8]
    private let sealed: [UInt8]

    /// Why an entry does not open.
    enum Failure: Error, Hashable, Sendable {
        /// Its ring key has not reached this process: it stays pending until it has.
        case unknownKey(String)
        /// Not sealed by who it says, or changed: it goes to the quarantine.
        case forged
    }

    /// Seals a content for a stream.
    init(_ content: [UInt8], header: EntryHeader, edge: Edge, stream: String, keys: EdgeKeys) throws(Failure) {
        guard case .key(let key) = keys.find(header.keyID, edge.name) else { throw .unknownKey(header.keyID) }
        self.header = header
        encodedHeader = header.encoded()
        let bound = Self.associatedData(stream, encodedHeader)
        guard let box = try? AES.GCM.seal(content, using: key, authenticating: bound), let combined = box.combined
        else { throw .forged }
        sealed = Array(combined)
    }

    /// Reads the open part of an entry.
    init(_ entry: StreamEntry) throws(Failure) {
        guard let encoded = entry[Self.headerField], let sealed = entry[Self.contentField],
            let header = try? EntryHeader(encoded: encoded)
        else { throw .forged }
        self.header = header
        encodedHeader = encoded
        self.sealed = sealed
    }

    /// The content, if who sealed it stood at the edge.
    func open(edge: Edge, stream: String, keys: EdgeKeys) throws(Failure) -> [UInt8] {
        switch keys.find(header.keyID, edge.name) {
        case .unknownID: throw .unknownKey(header.keyID)
        case .foreignEdge: throw .forged
        case .key(let key):
            guard let box = try? AES.GCM.SealedBox(combined: sealed),
                let content = try? AES.GCM.open(
                    box,
                    using: key,
                    authenticating: Self.associatedData(stream, encodedHeader)
                )
            else { throw .forged }
            return Array(content)
        }
    }

    /// The fields of the entry, as XADD takes them.
    var fields: [RedisArgument] {
        [.text(Self.headerField), .bytes(encodedHeader), .text(Self.contentField), .bytes(sealed)]
    }

    private static func associatedData(_ stream: String, _ header: [UInt8]) -> [UInt8] {
        var out = ByteWriter(capacity: header.count + stream.utf8.count + 8)
        out.text(stream)
        out.block(header)
        return out.bytes
    }
}

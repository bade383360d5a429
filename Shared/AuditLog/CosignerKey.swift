package import Core
import Crypto

/// The key of a witness, who vouches that a checkpoint leads on from every earlier one it saw (c2sp.org/tlog-cosignature).
///
/// Ed25519, `name+hash+key` as text; of another kind than a log's key, so that neither can be given for the other.
package struct CosignerKey: Hashable, Sendable, CustomStringConvertible {
    static let cosignature: UInt8 = 4

    package let name: String
    let keyID: UInt32
    let publicKey: [UInt8]

    /// `nil` unless the name is a key name and the key has 32 bytes.
    package init?(name: String, publicKey: [UInt8]) {
        guard VerifierKey.isName(name), publicKey.count == 32 else { return nil }
        self.name = name
        self.publicKey = publicKey
        keyID = NoteKeyText.id(name: name, kind: Self.cosignature, key: publicKey)
    }

    /// Reads `name+hash+key`; `nil` unless the hash fits the rest and the key is one for Ed25519 cosignatures.
    package init?(_ text: some StringProtocol) {
        guard let read = NoteKeyText.parse(text, kind: Self.cosignature) else { return nil }
        self.init(name: read.name, publicKey: read.key)
        guard keyID == read.id else { return nil }
    }

    package var description: String {
        NoteKeyText.text(name: name, id: keyID, kind: Self.cosignature, key: publicKey)
    }

    /// What stands before a signature in the note's line: the key's id.
    package var idBytes: [UInt8] { withBigEndianBytes(keyID) }

    /// What is signed: a statement about a checkpoint's text at a time in seconds since 1970.
    package static func message(_ text: String, at seconds: UInt64) -> [UInt8] {
        Array("cosignature/v1\ntime \(seconds)\n\(text)".utf8)
    }
}

/// A witness's word on a checkpoint.
package struct Cosignature: Hashable, Sendable {
    /// When the witness signed, by its clock.
    package let at: Instant
    /// The line of the note, its newline included.
    package let line: String

    package init(at: Instant, line: String) {
        self.at = at
        self.line = line
    }
}

extension SignedNote {
    /// The latest cosignature of a witness on this note; `nil` when there is none.
    ///
    /// One that claims to be the witness's and is not refuses the note.
    package func cosignature(by key: CosignerKey) throws(NoteError) -> Cosignature? {
        guard let verifier = try? Curve25519.Signing.PublicKey(rawRepresentation: key.publicKey) else {
            throw NoteError(.badSignature)
        }
        var latest: Cosignature?
        for signature in signatures where signature.name == key.name && signature.keyID == key.keyID {
            let bytes = signature.signature
            let seconds = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard bytes.count == 72, seconds <= Self.latestSeconds,
                verifier.isValidSignature(bytes.dropFirst(8), for: CosignerKey.message(text, at: seconds))
            else { throw NoteError(.badSignature) }
            let moment = Instant(seconds: Int64(seconds))
            if latest.map({ $0.at < moment }) ?? true { latest = Cosignature(at: moment, line: signature.line) }
        }
        return latest
    }

    /// The end of the year 9999: a time beyond is none.
    private static let latestSeconds: UInt64 = 253_402_300_799
}

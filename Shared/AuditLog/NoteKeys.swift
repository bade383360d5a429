import Core
import Crypto
import FoundationEssentials

/// A public Ed25519 key with its name: `name+hash+key` as text.
package struct VerifierKey: Hashable, Sendable, CustomStringConvertible {
    static let ed25519: UInt8 = 1

    package let name: String
    package let keyID: UInt32
    package let publicKey: [UInt8]

    /// `nil` unless the name is a key name and the key has 32 bytes.
    package init?(name: String, publicKey: [UInt8]) {
        guard Self.isName(name), publicKey.count == 32 else { return nil }
        self.name = name
        self.publicKey = publicKey
        keyID = NoteKeyText.id(name: name, kind: Self.ed25519, key: publicKey)
    }

    /// Reads `name+hash+key`; `nil` unless the hash fits the rest and the key is Ed25519.
    package init?(_ text: some StringProtocol) {
        guard let read = NoteKeyText.parse(text, kind: Self.ed25519) else { return nil }
        self.init(name: read.name, publicKey: read.key)
        guard keyID == read.id else { return nil }
    }

    package var description: String {
        NoteKeyText.text(name: name, id: keyID, kind: Self.ed25519, key: publicKey)
    }

    func verify(_ signature: [UInt8], of text: String) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
        return key.isValidSignature(signature, for: Array(text.utf8))
    }

    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.unicodeScalars.allSatisfy { $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20 }
    }
}

/// Keys of notes as text: `name+hash+key`, the key behind a byte for its kind.
enum NoteKeyText {
    static func id(name: String, kind: UInt8, key: [UInt8]) -> UInt32 {
        SHA256.hash(data: Array(name.utf8) + [0x0A, kind] + key).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }

    static func parse(_ text: some StringProtocol, kind: UInt8) -> (name: String, id: UInt32, key: [UInt8])? {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count == 8, let id = UInt32(parts[1], radix: 16),
            let data = Data(base64Encoded: String(parts[2])), data.first == kind
        else { return nil }
        return (String(parts[0]), id, [UInt8](data.dropFirst()))
    }

    static func text(name: String, id: UInt32, kind: UInt8, key: [UInt8]) -> String {
        "\(name)+\(withBigEndianBytes(id).hex)+\(Data([kind] + key).base64EncodedString())"
    }
}

/// Signs notes with an Ed25519 key.
package struct NoteSigner: Sendable {
    package let verifierKey: VerifierKey
    private let key: Curve25519.Signing.PrivateKey

    /// `seed` has 32 bytes; `nil` for another count or a name that is none.
    package init?(name: String, seed: [UInt8]) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
            let verifierKey = VerifierKey(name: name, publicKey: [UInt8](key.publicKey.rawRepresentation))
        else { return nil }
        self.key = key
        self.verifierKey = verifierKey
    }

    /// The note of `text`, which must end in a newline, with this key's signature.
    package func sign(_ text: String) throws -> SignedNote {
        precondition(text.hasSuffix("\n"), "Cannot sign a text that does not end in a newline.")
        let signature = [UInt8](try key.signature(for: Array(text.utf8)))
        return SignedNote(
            text: text,
            signatures: [.init(name: verifierKey.name, keyID: verifierKey.keyID, signature: signature)]
        )
    }
}

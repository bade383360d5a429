import Crypto
import FoundationEssentials

/// AES-256-GCM under a fresh subkey: what every sealed thing looks like.
///
/// `format 1 ‖ salt 32 ‖ commitment 32 ‖ nonce 12 ‖ ciphertext ‖ tag 16`. Subkey and commitment are the two halves of
/// HKDF-SHA256(key, salt), so no number of records wears a key out, and one ciphertext opens under one key only.
enum Envelope {
    static let format: UInt8 = 1
    static let saltBytes = 32
    static let commitmentBytes = 32
    static let nonceBytes = 12
    static let tagBytes = 16
    static let overhead = 1 + saltBytes + commitmentBytes + nonceBytes + tagBytes
    private static let label = Array("polyclinic envelope 1".utf8)

    static func seal(_ plaintext: [UInt8], key: SymmetricKey, associatedData: [UInt8]) throws(VaultError) -> [UInt8] {
        let salt = KeyMaterial.random().bytes
        let (subkey, commitment) = subkeys(of: key, salt: salt)
        do {
            let box = try AES.GCM.seal(plaintext, using: subkey, authenticating: associatedData)
            return [format] + salt + commitment + Array(box.nonce) + box.ciphertext + box.tag
        } catch {
            throw VaultError(.malformed)
        }
    }

    static func open(_ sealed: some Collection<UInt8>, key: SymmetricKey, associatedData: [UInt8]) throws(VaultError)
        -> [UInt8]
    {
        let bytes = Array(sealed)
        guard bytes.count >= overhead, bytes[0] == format else { throw VaultError(.malformed) }
        let salt = Array(bytes[1..<1 + saltBytes])
        let nonceStart = 1 + saltBytes + commitmentBytes
        let (subkey, commitment) = subkeys(of: key, salt: salt)
        guard constantTimeEqual(commitment, bytes[1 + saltBytes..<nonceStart]) else { throw VaultError(.notAuthentic) }
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: bytes[nonceStart..<nonceStart + nonceBytes]),
                ciphertext: bytes[nonceStart + nonceBytes..<bytes.count - tagBytes],
                tag: bytes[(bytes.count - tagBytes)...]
            )
            return [UInt8](try AES.GCM.open(box, using: subkey, authenticating: associatedData))
        } catch {
            throw VaultError(.notAuthentic)
        }
    }

    private static func subkeys(of key: SymmetricKey, salt: [UInt8]) -> (SymmetricKey, [UInt8]) {
        let both = HKDF<SHA256>.bytes(key: key, salt: salt, info: label, count: KeyMaterial.byteCount + commitmentBytes)
        return (SymmetricKey(data: both[..<KeyMaterial.byteCount]), Array(both[KeyMaterial.byteCount...]))
    }
}

/// Compares without telling by its duration where the first difference is; different lengths are different at once.
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(left, right) { difference |= a ^ b }
    return difference == 0
}

/// Fields of associated data, each behind its length, their count in front: no two lists give the same bytes.
struct AssociatedData {
    private(set) var bytes: [UInt8]

    init(_ fields: [[UInt8]]) {
        bytes = Self.length(fields.count)
        for field in fields { bytes += Self.length(field.count) + field }
    }

    private static func length(_ count: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) }
    }
}

import Core
import Crypto
import FoundationEssentials

/// The bytes of a key: base64 in the key file, never shown by printing or interpolation.
package struct KeyMaterial: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Every key of this module has 32 bytes.
    package static let byteCount = 32

    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// 256 bits of the system's generator.
    package static func random() -> KeyMaterial { KeyMaterial(RandomBytes.make(byteCount)) }

    package var description: String { "••••" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    var symmetric: SymmetricKey { SymmetricKey(data: bytes) }

    /// Another 32-byte key for one purpose (HKDF-SHA256 without salt, `info` as the purpose).
    package func derived(for purpose: String) -> KeyMaterial {
        KeyMaterial(HKDF<SHA256>.bytes(key: symmetric, salt: [], info: Array(purpose.utf8), count: Self.byteCount))
    }
}

extension KeyMaterial: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let data = Data(base64Encoded: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not base64")
        }
        self.init([UInt8](data))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Data(bytes).base64EncodedString())
    }
}

extension HKDF<SHA256> {
    /// RFC 5869 extract and expand, as bytes.
    static func bytes(key: SymmetricKey, salt: [UInt8], info: [UInt8], count: Int) -> [UInt8] {
        let derived = deriveKey(inputKeyMaterial: key, salt: salt, info: info, outputByteCount: count)
        return unsafe derived.withUnsafeBytes { unsafe Array($0) }
    }
}

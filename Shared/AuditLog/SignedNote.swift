import Crypto
import FoundationEssentials

/// A text with signatures, as c2sp.org/signed-note writes it.
package struct SignedNote: Sendable, Equatable {
    package struct Signature: Sendable, Equatable {
        package let name: String
        package let keyID: UInt32
        package let signature: [UInt8]

        /// As it stands in a note, with its newline.
        package var line: String {
            "— \(name) \(Data(withBigEndianBytes(keyID) + signature).base64EncodedString())\n"
        }
    }

    /// Signatures that are read of one note.
    package static let mostSignatures = 64
    /// The longest note that is read, in bytes.
    package static let longest = 1_000_000

    /// The signed text; ends in a newline.
    package let text: String
    package let signatures: [Signature]

    /// Reads a note; `malformed` if it is not one.
    package init(_ note: some StringProtocol) throws(NoteError) {
        let note = String(note)
        guard note.utf8.count <= Self.longest, note.unicodeScalars.allSatisfy({ $0.value >= 0x20 || $0 == "\n" }),
            let gap = note.lastBlankLine
        else { throw NoteError(.malformed) }
        text = String(note[..<gap.lowerBound]) + "\n"
        let lines = note[gap.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.last == "", (2...Self.mostSignatures + 1).contains(lines.count) else { throw NoteError(.malformed) }
        var signatures: [Signature] = []
        for line in lines.dropLast() { signatures.append(try Self.signature(line)) }
        self.signatures = signatures
    }

    init(text: String, signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    /// The note as it is sent and stored.
    package var encoded: String { text + "\n" + signatures.map(\.line).joined() }

    /// The keys among `known` that signed the text.
    ///
    /// A signature that claims to be of a known key and is not refuses the whole note; unknown ones are ignored; none
    /// at all is `unverified`.
    @discardableResult
    package func verified(by known: [VerifierKey]) throws(NoteError) -> [VerifierKey] {
        var verified: [VerifierKey] = []
        for signature in signatures {
            guard let key = known.first(where: { $0.name == signature.name && $0.keyID == signature.keyID }) else {
                continue
            }
            guard key.verify(signature.signature, of: text) else { throw NoteError(.badSignature) }
            if !verified.contains(key) { verified.append(key) }
        }
        guard !verified.isEmpty else { throw NoteError(.unverified) }
        return verified
    }

    private static func signature(_ line: Substring) throws(NoteError) -> Signature {
        let parts = line.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "—", VerifierKey.isName(parts[1]),
            let data = Data(base64Encoded: String(parts[2])), data.count > 4
        else { throw NoteError(.malformed) }
        let keyID = data.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Signature(name: String(parts[1]), keyID: keyID, signature: [UInt8](data.dropFirst(4)))
    }
}

extension String {
    /// The last `\n\n` of a note, between its text and its signatures.
    fileprivate var lastBlankLine: Range<String.Index>? {
        let bytes = utf8
        var index = bytes.endIndex
        while index > bytes.startIndex {
            let before = bytes.index(before: index)
            guard before > bytes.startIndex else { return nil }
            let second = bytes.index(before: before)
            if bytes[before] == 10, bytes[second] == 10 { return second..<index }
            index = before
        }
        return nil
    }
}

/// Why a note or checkpoint was refused.
package struct NoteError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        case malformed
        /// A known key's signature does not fit the text.
        case badSignature = "bad signature"
        /// No known key signed it.
        case unverified = "no known signature"
    }

    package let code: Code

    package init(_ code: Code) { self.code = code }
}

func withBigEndianBytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) }
}

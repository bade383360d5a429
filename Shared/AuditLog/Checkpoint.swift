/// The state of a log that its signer stands by (c2sp.org/tlog-checkpoint).
package struct Checkpoint: Hashable, Sendable {
    /// Which log: one name for each clinic's.
    package let origin: String
    package let size: Int64
    package let root: TreeHash

    package init(origin: String, size: Int64, root: TreeHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads a note's text; extension lines are allowed and passed over.
    package init(text: some StringProtocol) throws(NoteError) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, lines.last == "", !lines[0].isEmpty, let size = Int64(lines[1]), size >= 0,
            String(size) == lines[1], let root = TreeHash(base64: lines[2]),
            lines.dropFirst(3).dropLast().allSatisfy({ !$0.isEmpty })
        else { throw NoteError(.malformed) }
        self.init(origin: String(lines[0]), size: size, root: root)
    }

    /// Reads a signed note, checks its signatures and its text.
    package init(note: some StringProtocol, keys: [VerifierKey]) throws(NoteError) {
        let note = try SignedNote(note)
        try note.verified(by: keys)
        try self.init(text: note.text)
    }

    /// The text that is signed.
    package var text: String { "\(origin)\n\(size)\n\(root.base64)\n" }

    /// The signed note.
    package func signed(by signer: NoteSigner) throws -> String { try signer.sign(text).encoded }
}

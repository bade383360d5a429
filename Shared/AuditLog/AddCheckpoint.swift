/// What a log asks a witness: to vouch for a checkpoint, given the proof from the size it vouched for last
/// (c2sp.org/tlog-witness).
package struct AddCheckpoint: Hashable, Sendable {
    /// Hashes a proof may have.
    package static let longestProof = 63
    /// The media type of the size that a conflict is answered with.
    package static let sizeMedia = "text/x.tlog.size"

    package let oldSize: Int64
    package let proof: [TreeHash]
    /// The signed note.
    package let checkpoint: String

    package init(oldSize: Int64, proof: [TreeHash], checkpoint: String) {
        self.oldSize = oldSize
        self.proof = proof
        self.checkpoint = checkpoint
    }

    /// The body of the request.
    package var text: String {
        "old \(oldSize)\n" + proof.map { "\($0.base64)\n" }.joined() + "\n" + checkpoint
    }

    /// Reads what `text` writes; `malformed` if it is nothing of the kind.
    package init(_ text: some StringProtocol) throws(NoteError) {
        let text = String(text)
        guard let gap = text.firstRange(of: "\n\n") else { throw NoteError(.malformed) }
        var lines = text[..<gap.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), first.hasPrefix("old "), let size = Int64(first.dropFirst(4)), size >= 0,
            String(size) == first.dropFirst(4), lines.count <= Self.longestProof
        else { throw NoteError(.malformed) }
        var proof: [TreeHash] = []
        for line in lines {
            guard let hash = TreeHash(base64: line) else { throw NoteError(.malformed) }
            proof.append(hash)
        }
        self.init(oldSize: size, proof: proof, checkpoint: String(text[gap.upperBound...]))
    }
}

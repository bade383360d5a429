/// An offline receipt for one entry (c2sp.org/tlog-proof): the audit path and the checkpoint it leads to.
package struct LogProof: Sendable {
    static let header = "c2sp.org/tlog-proof@v1"

    package let index: Int64
    package let hashes: [TreeHash]
    /// The signed note.
    package let checkpoint: String

    package init(index: Int64, hashes: [TreeHash], checkpoint: String) {
        self.index = index
        self.hashes = hashes
        self.checkpoint = checkpoint
    }

    package var text: String {
        "\(Self.header)\nindex \(index)\n" + hashes.map { "\($0.base64)\n" }.joined() + "\n" + checkpoint
    }

    /// Reads `text`; an `extra` line is passed over.
    package init(_ text: some StringProtocol) throws(NoteError) {
        let text = String(text)
        guard let gap = text.firstRange(of: "\n\n") else { throw NoteError(.malformed) }
        var lines = text[..<gap.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popFirst() == Self.header[...] else { throw NoteError(.malformed) }
        if lines.first?.hasPrefix("extra ") == true { lines.removeFirst() }
        guard let line = lines.popFirst(), line.hasPrefix("index "), let index = Int64(line.dropFirst(6)), index >= 0
        else { throw NoteError(.malformed) }
        var hashes: [TreeHash] = []
        for line in lines {
            guard hashes.count < 63, let hash = TreeHash(base64: line) else { throw NoteError(.malformed) }
            hashes.append(hash)
        }
        self.init(index: index, hashes: hashes, checkpoint: String(text[gap.upperBound...]))
    }
}

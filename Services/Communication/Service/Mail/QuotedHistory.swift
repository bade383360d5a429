/// What stands under an answer: the message that is answered, as mail programs put it there.
enum QuotedHistory {
    /// The text without it.
    ///
    /// Only commands are looked for in what is left; what is kept and shown is the whole text.
    static func stripped(_ text: String) -> String {
        var kept: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let bare = line.trimmingBlanks
            if bare.hasPrefix(">") { continue }
            if opens(bare) { break }
            kept.append(bare)
        }
        // The line that names whom is answered may be broken in two: "On Friday … <clinic@example.org>" and "wrote:".
        let openings = ["On ", "Am ", "Le ", "El ", "Il ", "Em "]
        while let last = kept.last, last.isEmpty || last.contains("@") && openings.contains(where: last.hasPrefix) {
            kept.removeLast()
        }
        return kept.joined(separator: "\n")
    }

    private static func opens(_ line: Substring) -> Bool {
        if line == "--" || line.hasPrefix("-----Original Message") { return true }
        if line.hasPrefix("________________") { return true }
        let endings = ["wrote:", "schrieb:", "a écrit :", "a écrit:", "escribió:", "ha scritto:", "escreveu:", "लिखा:"]
        if endings.contains(where: line.hasSuffix) { return true }
        // In German the name stands behind the verb.
        return line.hasPrefix("Am ") && line.contains(" schrieb ") && line.hasSuffix(":")
    }
}

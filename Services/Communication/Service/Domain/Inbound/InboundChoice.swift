/// Finds the number that somebody has answered a list with: a message that says nothing else.
enum InboundChoice {
    private static let choices = 1...9

    /// In whatever digits it is written.
    static func read(_ text: String) -> Int? {
        guard text.count <= InboundCommands.longestCommand else { return nil }
        let words = FoldedText.words(text).filter { !InboundVocabulary.courtesies.contains($0) }
        guard words.count == 1, words[0].count == 1, let number = words[0].first?.wholeNumberValue else { return nil }
        return choices.contains(number) ? number : nil
    }
}

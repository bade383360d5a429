import CommunicationAPI
import Core

/// Finds the command in what somebody has written: a message that says nothing else.
///
/// Whoever writes a sentence writes to the clinic. Slips of the fingers are forgiven where nothing is lost by it, and never make
/// a word that ends all messages.
enum InboundCommands {
    /// Longer messages are letters, not commands; in characters.
    static let longestCommand = 60
    /// Words so long may have one slip, and those twice as long two.
    static let leastForgiven = 6

    /// How the scripts of the vocabulary mark a question.
    private static let questionMarks: Set<Unicode.Scalar> = ["?", "？", "؟", "❓", "❔"]

    /// - Parameter sender: some words end messages in some countries only; `nil` where there is no number.
    static func read(_ text: String, from sender: PhoneNumber?) -> InboundCommand? {
        let command = understood(text, from: sender)
        return command.map(losesVisit) == true && isQuestion(text) ? nil : command
    }

    /// Whether a command may cost a visit: whoever asks about that has not decided it.
    private static func losesVisit(_ command: InboundCommand) -> Bool {
        switch command {
        case .cancel, .no: true
        case .confirm, .reschedule, .yes, .stop, .start, .help: false
        }
    }

    private static func isQuestion(_ text: String) -> Bool {
        text.unicodeScalars.contains { questionMarks.contains($0) }
    }

    private static func understood(_ text: String, from sender: PhoneNumber?) -> InboundCommand? {
        guard text.count <= longestCommand else { return nil }
        if let sign = InboundVocabulary.signs[text.filter { !$0.isWhitespace }] { return sign }
        let words = FoldedText.words(text)
        for said in forms(of: words) where !said.isEmpty {
            if InboundVocabulary.ends(said, sender) { return .stop }
            if let command = InboundVocabulary.commands[said] { return command }
        }
        let about = words.filter {
            !InboundVocabulary.courtesies.contains($0) && !InboundVocabulary.aboutVisits.contains($0)
        }
        let wanted = about.joined(separator: " ")
        if let command = InboundVocabulary.commands[wanted], isAboutVisits(command) { return command }
        return about.count == 1 ? forgiven(about[0]) : nil
    }

    /// The language of a text that ends messages, or has them begin again, where its words are of one.
    static func language(of text: String) -> String? {
        guard text.count <= longestCommand else { return nil }
        return forms(of: FoldedText.words(text)).lazy.compactMap { InboundVocabulary.languages[$0] }.first
    }

    /// What is said, with and without politeness.
    private static func forms(of words: [String]) -> [String] {
        [words, words.filter { !InboundVocabulary.courtesies.contains($0) }].map { $0.joined(separator: " ") }
    }

    /// Whether a text by SMS that asks to cancel ends messages where there is no visit that could be meant.
    static func endsWithoutVisit(_ text: InboundText) -> Bool {
        guard text.channel == .sms, let phone = text.phone, USAreas.zones(of: phone) != nil else { return false }
        let words = FoldedText.words(text.text).filter { !InboundVocabulary.courtesies.contains($0) }
        return InboundVocabulary.revocations.contains(words.joined(separator: " "))
    }

    private static func isAboutVisits(_ command: InboundCommand) -> Bool {
        switch command {
        case .confirm, .cancel, .reschedule: true
        case .yes, .no, .stop, .start, .help: false
        }
    }

    /// The one command about visits that a word is a slip away from.
    private static func forgiven(_ word: String) -> InboundCommand? {
        let letters = Array(word.unicodeScalars)
        guard letters.count >= leastForgiven - 1, !InboundVocabulary.otherWords.contains(word) else { return nil }
        var found: Set<InboundCommand> = []
        for (known, command) in InboundVocabulary.commands where isAboutVisits(command) && !known.contains(" ") {
            let wanted = Array(known.unicodeScalars)
            guard wanted.count >= leastForgiven else { continue }
            // What ends a visit is not guessed from a word with another letter in it: those tend to be words of their own.
            let slips = Slips(between: wanted, and: letters, takesOtherLetters: command != .cancel)
            if slips.count <= wanted.count / leastForgiven { found.insert(command) }
        }
        return found.count == 1 ? found.first : nil
    }
}

/// How many slips lie between two words: letters left out, added, or swapped with their neighbour, and mistaken ones.
struct Slips {
    let count: Int

    /// - Parameter takesOtherLetters: whether one letter for another is one slip; otherwise it is two.
    init(between wanted: [Unicode.Scalar], and typed: [Unicode.Scalar], takesOtherLetters: Bool) {
        let mistake = takesOtherLetters ? 1 : 2
        // Row by row over the letters of `typed`; two rows back for swapped ones.
        var before: [Int] = []
        var last = Array(0...wanted.count)
        for (row, letter) in typed.enumerated() {
            var next = [row + 1]
            for (column, other) in wanted.enumerated() {
                var least = min(last[column + 1], next[column]) + 1
                least = min(least, last[column] + (letter == other ? 0 : mistake))
                if row > 0, column > 0, letter == wanted[column - 1], typed[row - 1] == other {
                    least = min(least, before[column - 1] + 1)
                }
                next.append(least)
            }
            (before, last) = (last, next)
        }
        count = last[wanted.count]
    }
}

/// Text as words that can be compared: lower case, without accents and without anything that is no letter or digit.
enum FoldedText {
    private static let plain: [Unicode.Scalar: String] = {
        let groups = [
            ("a", "àáâãäåāăą"), ("c", "çćč"), ("d", "ďđ"), ("e", "èéêëēęě"), ("g", "ğ"), ("i", "ìíîïīı"), ("l", "ł"),
            ("n", "ñńň"), ("o", "òóôõöøō"), ("r", "ř"), ("s", "śšş"), ("t", "ť"), ("u", "ùúûüūů"), ("y", "ýÿ"),
            ("z", "źżž"), ("ss", "ß"), ("ae", "æ"), ("oe", "œ"), ("ا", "أإآ"), ("ه", "ة"), ("е", "ё"),
        ]
        var plain: [Unicode.Scalar: String] = [:]
        for (letter, accented) in groups {
            for scalar in accented.unicodeScalars { plain[scalar] = letter }
        }
        return plain
    }()

    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for scalar in text.lowercased().unicodeScalars {
            // Accents and vowel signs that stand by themselves; Devanagari's belong to the word.
            if (0x0300...0x036F).contains(scalar.value) || (0x064B...0x0652).contains(scalar.value) { continue }
            let isDevanagari = (0x0900...0x0963).contains(scalar.value)
            if let letter = plain[scalar] {
                word += letter
            } else if scalar.properties.isAlphabetic || scalar.properties.numericType != nil || isDevanagari {
                word.unicodeScalars.append(scalar)
            } else if scalar != "'" && scalar != "’" && !word.isEmpty {
                words.append(word)
                word = ""
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}

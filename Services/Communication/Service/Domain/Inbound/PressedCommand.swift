/// Finds the command that a button or a row of a list was made with: words of a command in whatever language, and nothing else.
///
/// Programs write these, not fingers: no slip is forgiven, and what ends messages in some countries only is somebody's name for
/// a row.
enum PressedCommand {
    /// What is meant by pressing something: what it was made with, unless that is no command.
    ///
    /// What ends messages does so in either. They begin again only where that stands on what was pressed: programs call many things
    /// a start.
    ///
    /// - Parameters:
    ///   - payload: what it was made with.
    ///   - title: the command in what stands on it.
    static func read(_ payload: String, under title: InboundCommand?) -> InboundCommand? {
        guard title != .stop, let command = read(payload), command != .start else { return title }
        return command
    }

    static func read(_ payload: String) -> InboundCommand? {
        guard payload.utf8.count <= longest else { return nil }
        let words = FoldedText.words(payload)
        let said = words.joined(separator: " ")
        if let command = InboundVocabulary.commands[said] { return command }
        if InboundVocabulary.ends(said, nil) { return .stop }
        let wanted = words.filter { !InboundVocabulary.aboutVisits.contains($0) }.joined(separator: " ")
        switch InboundVocabulary.commands[wanted] {
        case .confirm: return .confirm
        case .cancel: return .cancel
        case .reschedule: return .reschedule
        case .yes, .no, .stop, .start, .help, nil: return nil
        }
    }

    /// In bytes; WhatsApp lets them be 256 characters long.
    private static let longest = 256
}

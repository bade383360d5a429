import CommunicationAPI
import Core

/// What WhatsApp asks of buttons and lists beyond their lengths.
enum InteractiveRules {
    /// Everything that is wrong, below where it stands.
    static func faults(_ content: InteractiveContent, at place: String = "/content/interactive") -> [Problem.Fault] {
        let found =
            switch content.type {
            case .buttons: buttonFaults(content)
            case .list: listFaults(content)
            }
        let lines = lineFaults(content)
        return (found + lines).map { .init(pointer: place + $0.member, $0.detail) }
    }

    private typealias Fault = (member: String, detail: String)

    private static func buttonFaults(_ content: InteractiveContent) -> [Fault] {
        var faults: [Fault] = []
        if content.button != nil { faults.append(("/button", "belongs to a list")) }
        if content.sections != nil { faults.append(("/sections", "belongs to a list")) }
        guard let buttons = content.buttons else { return faults + [("/buttons", "is required")] }
        faults += repeated(buttons.map { ($0.id, $0.title) }).map { place -> Fault in
            ("/buttons/\(place)", "has the id or title of another")
        }
        return faults
    }

    private static func listFaults(_ content: InteractiveContent) -> [Fault] {
        var faults: [Fault] = []
        if content.buttons != nil { faults.append(("/buttons", "belong to buttons")) }
        if content.button == nil { faults.append(("/button", "is required")) }
        guard let sections = content.sections else { return faults + [("/sections", "is required")] }
        if sections.count > 1 {
            for (place, section) in sections.enumerated() where section.title == nil {
                faults.append(("/sections/\(place)/title", "is required where there are several sections"))
            }
        }
        let rows = sections.flatMap(\.rows)
        if rows.count > InteractiveContent.mostRows {
            faults.append(("/sections", "must have at most \(InteractiveContent.mostRows) rows together"))
        }
        if !repeated(rows.enumerated().map { ($0.element.id, "\($0.offset)") }).isEmpty {
            faults.append(("/sections", "have two rows with the same id"))
        }
        return faults
    }

    /// The places of those that share an id or a title with one before them.
    private static func repeated(_ items: [(id: String, title: String)]) -> [Int] {
        items.indices.filter { place in
            items[..<place].contains { $0.id == items[place].id || $0.title == items[place].title }
        }
    }

    /// Everything in a template that stands as it is, below where it stands: nobody would fill a variable in there.
    static func variableFaults(_ content: InteractiveContent, at place: String) -> [Problem.Fault] {
        lines(content).filter { $0.text.contains("{{") }.map { line in
            .init(pointer: place + line.member, "stands as it is: variables stand in the text of the message only")
        }
    }

    /// What is shown on one line has to be one.
    private static func lineFaults(_ content: InteractiveContent) -> [Fault] {
        lines(content).compactMap { member, text -> Fault? in
            let isBlank = text.allSatisfy(\.isWhitespace)
            let hasBreak = text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            return isBlank || hasBreak ? (member, "must be one line of text") : nil
        }
    }

    /// Every text of it, and where it stands.
    private static func lines(_ content: InteractiveContent) -> [(member: String, text: String)] {
        var texts: [(String, String?)] = [("/button", content.button), ("/footer", content.footer)]
        for (place, button) in (content.buttons ?? []).enumerated() {
            texts += [("/buttons/\(place)/title", button.title), ("/buttons/\(place)/id", button.id)]
        }
        for (place, section) in (content.sections ?? []).enumerated() {
            texts.append(("/sections/\(place)/title", section.title))
            for (number, row) in section.rows.enumerated() {
                let at = "/sections/\(place)/rows/\(number)"
                texts += [("\(at)/id", row.id), ("\(at)/title", row.title), ("\(at)/description", row.description)]
            }
        }
        return texts.compactMap { member, text in text.map { (member, $0) } }
    }
}

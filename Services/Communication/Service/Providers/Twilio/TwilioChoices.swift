import CommunicationAPI
import Contracts
import Core

/// What a message offers to press or choose, as a content of Twilio's with a place for everything that it says.
///
/// So an account needs one content for each shape, however many messages there are, and nothing of any message lies there.
struct TwilioChoices: Sendable, Equatable {
    /// What a content is made of, but for what stands in its places.
    enum Shape: Hashable, Sendable {
        case buttons(Int, hasFooter: Bool)
        case list(Int, hasFooter: Bool)

        /// What the content is called in its account, by which it is found again.
        var name: String {
            switch self {
            case .buttons(let count, let hasFooter): "\(Self.prefix)buttons_\(count)\(hasFooter ? "_footer" : "")"
            case .list(let count, let hasFooter): "\(Self.prefix)list_\(count)\(hasFooter ? "_footer" : "")"
            }
        }

        /// What the names of all of them begin with; another letter where their make changes.
        static let prefix = "polyclinic_a_"
    }

    /// The longest description of a row, in characters.
    private static let longestDescription = 72

    let shape: Shape
    /// What stands in the places, from `1`.
    let values: [String]

    /// `nil` for what Twilio's contents cannot hold.
    init?(_ content: InteractiveContent, text: String) {
        let footer = content.footer.flatMap {
            text.unicodeScalars.count + $0.unicodeScalars.count + 2 <= InteractiveContent.longestText ? $0 : nil
        }
        let head = [text] + (footer.map { [$0] } ?? [])
        switch content.type {
        case .buttons:
            guard let buttons = content.buttons, !buttons.isEmpty else { return nil }
            shape = .buttons(buttons.count, hasFooter: footer != nil)
            values = head + buttons.flatMap { [$0.title, $0.id] }
        case .list:
            let rows = (content.sections ?? []).flatMap { section in section.rows.map { (section.title, $0) } }
            guard let button = content.button, !rows.isEmpty else { return nil }
            shape = .list(rows.count, hasFooter: footer != nil)
            values = head + [button] + rows.flatMap { [$1.title, $1.id, Self.description($1, in: $0)] }
        }
    }

    /// As a message names them.
    var variables: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: values.enumerated().map { ("\($0.offset + 1)", .string($0.element)) }))
    }

    /// There are no sections: what a row belongs to stands below it, and something has to.
    private static func description(_ row: InteractiveRow, in section: String?) -> String {
        let parts = [section, row.description].compactMap { $0 }
        return parts.isEmpty ? row.title : String(parts.joined(separator: " · ").prefix(longestDescription))
    }
}

extension TwilioChoices.Shape {
    /// The content, as the account is asked to make it.
    var content: JSONValue {
        let (kind, body): (String, [String: JSONValue]) =
            switch self {
            case .buttons(let count, let hasFooter): ("twilio/quick-reply", Self.buttons(count, hasFooter))
            case .list(let count, let hasFooter): ("twilio/list-picker", Self.list(count, hasFooter))
            }
        let samples = (1...places).map { ("\($0)", JSONValue.string("sample \($0)")) }
        return [
            "friendly_name": .string(name), "language": "en",
            "variables": .object(Dictionary(uniqueKeysWithValues: samples)),
            "types": .object([kind: .object(body)]),
        ]
    }

    private var places: Int {
        switch self {
        case .buttons(let count, let hasFooter): (hasFooter ? 2 : 1) + 2 * count
        case .list(let count, let hasFooter): (hasFooter ? 3 : 2) + 3 * count
        }
    }

    private static func buttons(_ count: Int, _ hasFooter: Bool) -> [String: JSONValue] {
        let first = hasFooter ? 3 : 2
        let actions = (0..<count).map { number -> JSONValue in
            ["type": "QUICK_REPLY", "title": place(first + 2 * number), "id": place(first + 2 * number + 1)]
        }
        return ["body": body(hasFooter), "actions": .array(actions)]
    }

    private static func list(_ count: Int, _ hasFooter: Bool) -> [String: JSONValue] {
        let button = hasFooter ? 3 : 2
        let items = (0..<count).map { number -> JSONValue in
            let first = button + 1 + 3 * number
            return ["item": place(first), "id": place(first + 1), "description": place(first + 2)]
        }
        return ["body": body(hasFooter), "button": place(button), "items": .array(items)]
    }

    private static func body(_ hasFooter: Bool) -> JSONValue { hasFooter ? "{{1}}\n\n{{2}}" : "{{1}}" }

    private static func place(_ number: Int) -> JSONValue { .string("{{\(number)}}") }
}

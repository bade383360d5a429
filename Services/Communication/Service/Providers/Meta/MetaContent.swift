import CommunicationAPI
import Contracts
import Core

/// What a message says, as Meta's API takes it.
enum MetaContent {
    /// Within a conversation: text, something to press, or a file with the text below it.
    ///
    /// - Parameter media: Meta's id of the file.
    static func free(_ text: TextToSend, media: String?) -> [String: JSONValue] {
        if let interactive = text.interactive {
            return ["type": "interactive", "interactive": self.interactive(interactive, text, media: media)]
        }
        if let media, let file = text.file {
            let kind = WhatsAppMedia.kind(of: file)
            return ["type": .string(kind.rawValue), kind.rawValue: self.media(media, file, caption: text.text)]
        }
        return ["type": "text", "text": ["body": .string(text.text), "preview_url": false]]
    }

    /// A sound alone: there is no text beside it.
    static func sound(_ id: String) -> [String: JSONValue] { ["type": "audio", "audio": ["id": .string(id)]] }

    private static func media(_ id: String, _ file: Attachment, caption: String? = nil) -> JSONValue {
        var media: [String: JSONValue] = ["id": .string(id)]
        if let caption { media["caption"] = .string(caption) }
        if WhatsAppMedia.kind(of: file) == .document { media["filename"] = .string(file.file.filename) }
        return .object(media)
    }

    private static func interactive(
        _ content: InteractiveContent,
        _ text: TextToSend,
        media: String?
    ) -> JSONValue {
        var members: [String: JSONValue] = ["body": ["text": .string(text.text)]]
        if let footer = content.footer { members["footer"] = ["text": .string(footer)] }
        switch content.type {
        case .buttons:
            members["type"] = "button"
            if let media, let file = text.file {
                let kind = WhatsAppMedia.kind(of: file).rawValue
                members["header"] = .object(["type": .string(kind), kind: self.media(media, file)])
            }
            let buttons = (content.buttons ?? []).map { button -> JSONValue in
                ["type": "reply", "reply": ["id": .string(button.id), "title": .string(button.title)]]
            }
            members["action"] = ["buttons": .array(buttons)]
        case .list:
            members["type"] = "list"
            members["action"] = [
                "button": .string(content.button ?? ""),
                "sections": .array((content.sections ?? []).map(section)),
            ]
        }
        return .object(members)
    }

    private static func section(_ section: InteractiveSection) -> JSONValue {
        var members: [String: JSONValue] = [:]
        if let title = section.title { members["title"] = .string(title) }
        members["rows"] = .array(
            section.rows.map { row in
                var members: [String: JSONValue] = ["id": .string(row.id), "title": .string(row.title)]
                if let description = row.description { members["description"] = .string(description) }
                return .object(members)
            }
        )
        return .object(members)
    }

    /// An approved template with its places filled in.
    static func template(_ approved: ApprovedTemplate) -> JSONValue {
        var template: [String: JSONValue] = [
            "name": .string(approved.name), "language": ["code": .string(approved.language)],
        ]
        var components: [JSONValue] = []
        if !approved.parameters.isEmpty {
            let parameters = approved.parameters.map { value -> JSONValue in
                ["type": "text", "text": .string(oneLine(value))]
            }
            components.append(["type": "body", "parameters": .array(parameters)])
        }
        components += (approved.buttons ?? []).map(button)
        if !components.isEmpty { template["components"] = .array(components) }
        return .object(template)
    }

    private static func button(_ button: ApprovedTemplate.Button) -> JSONValue {
        let value = JSONValue.string(oneLine(button.value))
        let (kind, parameter): (JSONValue, JSONValue) =
            switch button.kind {
            case .url: ("url", ["type": "text", "text": value])
            case .coupon: ("copy_code", ["type": "coupon_code", "coupon_code": value])
            case .payload: ("quick_reply", ["type": "payload", "payload": value])
            }
        return [
            "type": "button", "sub_type": kind, "index": .string("\(button.index)"), "parameters": [parameter],
        ]
    }

    /// What stands in a template's place may have neither line breaks nor rows of blanks.
    private static func oneLine(_ text: String) -> String {
        text.split { $0.isWhitespace }.joined(separator: " ")
    }
}

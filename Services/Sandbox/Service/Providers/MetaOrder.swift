import Contracts
import Core

/// What a call asks Meta to send, once all of it is right.
struct MetaOrder: Sendable {
    private static let fields: Set<String> = [
        "messaging_product", "recipient_type", "to", "recipient", "type", "context", "biz_opaque_callback_data", "text",
        "image", "video", "audio", "document", "sticker", "template", "interactive", "location", "contacts", "reaction",
        "messaging_account_id", "recipient_identity_key_hash",
    ]
    private static let media: Set<String> = ["image", "video", "audio", "document", "sticker"]
    private static let longestText = 4_096
    private static let longestCallbackData = 512
    private static let mostButtons = 3
    private static let longestButton = 20

    /// Digits, without what they were written with.
    let to: String
    /// As it was written.
    let input: String
    let type: String
    /// What the recipient reads: of an approved template the sandbox knows only what stands in its places.
    let text: String
    let callbackData: String?

    var isTemplate: Bool { type == "template" }

    init(_ body: JSONValue?) throws(MetaError) {
        guard let body, case .object(let members) = body else {
            throw MetaError(400, 100, "(#100) The request body is not valid JSON.")
        }
        // Meta passes over some of what it does not know; here a misspelt parameter shows.
        if let extra = members.keys.sorted().first(where: { !Self.fields.contains($0) }) {
            throw MetaError(400, 100, "(#100) Unexpected key \"\(extra)\".")
        }
        guard body["messaging_product"]?.string == "whatsapp" else { throw .missing("messaging_product") }
        input = body["to"]?.string ?? body["recipient"]?.string ?? ""
        guard !input.isEmpty else { throw .missing("to") }
        to = input.filter { ("0"..."9").contains($0) }
        guard (8...15).contains(to.count) else {
            throw .wrong("to is not a valid phone number: \(input)")
        }
        callbackData = body["biz_opaque_callback_data"]?.string
        guard (callbackData?.utf8.count ?? 0) <= Self.longestCallbackData else {
            throw .wrong("biz_opaque_callback_data must be at most \(Self.longestCallbackData) characters")
        }
        type = body["type"]?.string ?? "text"
        guard let content = body[type], case .object = content else { throw .missing(type) }
        text = try Self.read(type, content)
    }

    private static func read(_ type: String, _ content: JSONValue) throws(MetaError) -> String {
        switch type {
        case "text":
            guard let text = content["body"]?.string, !text.isEmpty else { throw .missing("text['body']") }
            guard text.count <= longestText else {
                throw MetaError(
                    400,
                    100,
                    "(#100) Param text['body'] must be at most \(longestText) characters long."
                )
            }
            return text
        case "template": return try template(content)
        case "interactive": return try interactive(content)
        case _ where media.contains(type):
            guard content["id"]?.string != nil || content["link"]?.string != nil else {
                throw .missing("\(type)['id']")
            }
            return content["caption"]?.string ?? content["link"]?.string ?? content["id"]?.string ?? ""
        case "location", "reaction": return type
        default: throw .wrong("Unsupported message type: \(type)")
        }
    }

    private static func template(_ content: JSONValue) throws(MetaError) -> String {
        guard let name = content["name"]?.string, !name.isEmpty else { throw .missing("template['name']") }
        guard let language = content["language"]?["code"]?.string, !language.isEmpty else {
            throw .missing("template['language']['code']")
        }
        if name.contains("unapproved") {
            throw MetaError(
                404,
                132_001,
                "(#132001) Template name does not exist in the translation",
                details: "template name (\(name)) does not exist in \(language)"
            )
        }
        if name.contains("paused") { throw MetaError(400, 132_015, "(#132015) Template is paused") }
        var texts: [String] = []
        for component in list(content["components"]) where component["type"]?.string?.lowercased() == "body" {
            for parameter in list(component["parameters"]) {
                let text = parameter["text"]?.string ?? ""
                if text.contains("\n") || text.contains("\t") || text.contains("    ") {
                    throw MetaError(
                        400,
                        100,
                        "(#100) Invalid parameter",
                        details: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
                    )
                }
                guard !text.isEmpty || parameter["type"]?.string != "text" else {
                    throw MetaError(400, 131_008, "(#131008) Required parameter is missing")
                }
                texts.append(text)
            }
        }
        if let wanted = name.split(separator: "_").last.flatMap({ Int($0) }), wanted != texts.count {
            throw MetaError(
                400,
                132_000,
                "(#132000) Number of parameters does not match the expected number of params",
                details:
                    "body: number of localizable_params (\(texts.count)) does not match the expected number of params "
                    + "(\(wanted))"
            )
        }
        return texts.joined(separator: "\n")
    }

    private static func interactive(_ content: JSONValue) throws(MetaError) -> String {
        guard let text = content["body"]?["text"]?.string, !text.isEmpty else { throw .missing("interactive['body']") }
        guard content["type"]?.string == "button" else { return text }
        let buttons = list(content["action"]?["buttons"])
        guard (1...mostButtons).contains(buttons.count) else {
            throw .wrong("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: \(mostButtons)")
        }
        for button in buttons {
            guard let title = button["reply"]?["title"]?.string, (1...longestButton).contains(title.count) else {
                throw .wrong("Button title length invalid. Min length: 1, Max length: \(longestButton)")
            }
        }
        return text
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }
}

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
    private static let longestCaption = 1_024
    private static let mostRows = 10
    private static let templateButtons = ["url": "text", "copy_code": "coupon_code", "quick_reply": "payload"]
    private static let longestCallbackData = 512
    private static let mostButtons = 3
    private static let longestButton = 20

    /// Digits, without what they were written with; or a user id.
    let to: String
    /// Whether it goes to somebody by their user id.
    let isToUser: Bool
    /// As it was written.
    let input: String
    let type: String
    /// What the recipient reads: of an approved template the sandbox knows only what stands in its places.
    let text: String
    let callbackData: String?
    /// The id of the file that it names.
    let media: String?

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
        isToUser = body["to"] == nil && body["recipient"] != nil
        input = body["to"]?.string ?? body["recipient"]?.string ?? ""
        to = try Self.recipient(input, isToUser)
        callbackData = body["biz_opaque_callback_data"]?.string
        guard (callbackData?.utf8.count ?? 0) <= Self.longestCallbackData else {
            throw .wrong("biz_opaque_callback_data must be at most \(Self.longestCallbackData) characters")
        }
        type = body["type"]?.string ?? "text"
        guard let content = body[type], case .object = content else { throw .missing(type) }
        if isToUser, type == "template", content["name"]?.string?.hasPrefix("auth_") == true {
            throw MetaError(
                400,
                131_062,
                "(#131062) Business-scoped User ID (BSUID) recipients are not supported for this message."
            )
        }
        text = try Self.read(type, content)
        media = try Self.mediaID(type, content)
    }

    private static func recipient(_ input: String, _ isUser: Bool) throws(MetaError) -> String {
        guard !input.isEmpty else { throw .missing("to") }
        if isUser {
            let parts = input.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].count == 2, (1...128).contains(parts[1].count) else {
                throw .wrong("recipient is not a valid business-scoped user ID: \(input)")
            }
            return input
        }
        let digits = input.filter { ("0"..."9").contains($0) }
        guard (8...15).contains(digits.count) else { throw .wrong("to is not a valid phone number: \(input)") }
        return digits
    }

    /// The file of the message, or of what stands above its buttons.
    private static func mediaID(_ type: String, _ content: JSONValue) throws(MetaError) -> String? {
        if media.contains(type) { return content["id"]?.string }
        guard type == "interactive", let header = content["header"], let kind = header["type"]?.string, kind != "text"
        else { return nil }
        guard content["type"]?.string == "button", media.contains(kind), let id = header[kind]?["id"]?.string else {
            throw .wrong("header of type \(kind) is not supported")
        }
        return id
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
            let members: Set<String> =
                switch type {
                case "document": ["id", "link", "caption", "filename"]
                case "image", "video": ["id", "link", "caption"]
                default: ["id", "link"]
                }
            if case .object(let given) = content,
                let extra = given.keys.sorted().first(where: { !members.contains($0) })
            {
                throw MetaError(400, 100, "(#100) Unexpected key \"\(extra)\" on param \"\(type)\".")
            }
            guard (content["caption"]?.string?.count ?? 0) <= longestCaption else {
                throw .wrong("\(type)['caption'] must be at most \(longestCaption) characters long")
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
        try checkButtons(of: name, content)
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

    /// Buttons are named by kind and place, each with a value; a template whose name begins with `auth_` has one with the code.
    private static func checkButtons(of name: String, _ content: JSONValue) throws(MetaError) {
        let buttons = list(content["components"]).filter { $0["type"]?.string?.lowercased() == "button" }
        for button in buttons {
            guard let kind = button["sub_type"]?.string?.lowercased(), let parameter = templateButtons[kind],
                let index = button["index"]?.string ?? number(button["index"]), (0...9).contains(Int(index) ?? -1)
            else {
                throw MetaError(
                    400,
                    132_012,
                    "(#132012) Parameter format does not match format in the created template"
                )
            }
            let given = list(button["parameters"])
            guard given.count == 1, given[0]["type"]?.string == parameter,
                let value = given[0][parameter]?.string, !value.isEmpty
            else { throw MetaError(400, 131_008, "(#131008) Required parameter is missing") }
        }
        guard name.hasPrefix("auth_"), buttons.count(where: { $0["sub_type"]?.string?.lowercased() == "url" }) != 1
        else { return }
        throw MetaError(
            400,
            131_008,
            "(#131008) Required parameter is missing",
            details: "buttons: Button at index 0 of type Url requires a parameter"
        )
    }

    private static func number(_ value: JSONValue?) -> String? {
        if case .integer(let number) = value { "\(number)" } else { nil }
    }

    private static func interactive(_ content: JSONValue) throws(MetaError) -> String {
        guard let text = content["body"]?["text"]?.string, !text.isEmpty else { throw .missing("interactive['body']") }
        guard text.count <= longestCaption else {
            throw .wrong("Body text length invalid. Min length: 1, Max length: \(longestCaption)")
        }
        if let footer = content["footer"]?["text"]?.string, !(1...60).contains(footer.count) {
            throw .wrong("Footer text length invalid. Min length: 1, Max length: 60")
        }
        switch content["type"]?.string {
        case "button": try checkReplies(list(content["action"]?["buttons"]))
        case "list": try checkList(content["action"])
        default: break
        }
        return text
    }

    private static func checkReplies(_ buttons: [JSONValue]) throws(MetaError) {
        guard (1...mostButtons).contains(buttons.count) else {
            throw .wrong("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: \(mostButtons)")
        }
        for button in buttons {
            try check(button["reply"]?["title"], "Button title", longestButton)
            try check(button["reply"]?["id"], "Button id", 256)
        }
        guard Set(buttons.compactMap { $0["reply"]?["title"]?.string }).count == buttons.count,
            Set(buttons.compactMap { $0["reply"]?["id"]?.string }).count == buttons.count
        else { throw .wrong("Duplicate button titles or ids") }
    }

    private static func checkList(_ action: JSONValue?) throws(MetaError) {
        try check(action?["button"], "Button label", longestButton)
        let sections = list(action?["sections"])
        let rows = sections.flatMap { list($0["rows"]) }
        guard !sections.isEmpty, (1...mostRows).contains(rows.count) else {
            throw .wrong("Total row count exceed max allowed count: \(mostRows)")
        }
        for section in sections where sections.count > 1 || section["title"] != nil {
            try check(section["title"], "Section title", 24)
        }
        for row in rows {
            try check(row["id"], "Row id", 200)
            try check(row["title"], "Row title", 24)
            if row["description"] != nil { try check(row["description"], "Row description", 72) }
        }
        guard Set(rows.compactMap { $0["id"]?.string }).count == rows.count else { throw .wrong("Duplicate row id") }
    }

    private static func check(_ value: JSONValue?, _ what: String, _ longest: Int) throws(MetaError) {
        guard let text = value?.string, (1...longest).contains(text.count) else {
            throw .wrong("\(what) length invalid. Min length: 1, Max length: \(longest)")
        }
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }
}

import Contracts
import Core
import Synchronization

/// Twilio's Content API (twilio.com/docs/content/content-api-resources): what can be pressed or chosen, with places for what
/// a message says.
struct TwilioContent: Sendable {
    private static let longestBody = 1_024
    private static let mostButtons = 3
    private static let mostItems = 10

    let sid: String
    let name: String
    let json: JSONValue
    /// The only type of it that the sandbox plays.
    private let type: String
    private let body: JSONValue

    /// Throws what Twilio says of a content that is none.
    init(_ asked: JSONValue?) throws(TwilioError) {
        guard let asked, case .object(let members) = asked, asked["language"]?.string?.isEmpty == false,
            case .object(let types) = asked["types"], let (type, body) = types.first, types.count == 1
        else { throw TwilioError(400, 20_001, "The content is not valid.") }
        if let extra = members.keys.sorted().first(where: {
            !["friendly_name", "language", "variables", "types"].contains($0)
        }) {
            throw TwilioError(400, 20_001, "Unknown parameter: \(extra)")
        }
        sid = TwilioSID.make("HX")
        name = asked["friendly_name"]?.string ?? ""
        (self.type, self.body) = (type, body)
        json = .object(members.merging(["sid": .string(sid)]) { first, _ in first })
        switch type {
        case "twilio/quick-reply":
            let actions = Self.list(body["actions"])
            guard (1...10).contains(actions.count), actions.allSatisfy({ $0["title"]?.string != nil }) else {
                throw TwilioError(400, 20_001, "actions must have 1 to 10 quick replies")
            }
        case "twilio/list-picker":
            let items = Self.list(body["items"])
            guard (1...Self.mostItems).contains(items.count), body["button"]?.string != nil,
                items.allSatisfy({ $0["item"]?.string != nil && $0["id"]?.string != nil })
            else { throw TwilioError(400, 20_001, "items must have 1 to 10 items") }
        default: throw TwilioError(400, 20_001, "The sandbox plays no \(type).")
        }
        guard body["body"]?.string?.isEmpty == false else { throw TwilioError(400, 20_001, "body is required") }
    }

    /// What somebody sees of it with values in its places, and the text alone.
    func filled(_ variables: [String: String]) throws(TwilioError) -> (json: JSONValue, text: String) {
        let filled = Self.fill(body, variables)
        let text = filled["body"]?.string ?? ""
        guard (1...Self.longestBody).contains(text.count) else {
            throw TwilioError(400, 21_656, "The ContentVariables Parameter is invalid")
        }
        if type == "twilio/quick-reply" {
            // More of them would have to be approved first.
            guard Self.list(filled["actions"]).count <= Self.mostButtons else {
                throw TwilioError(400, 63_016, "More than three quick replies need an approved template.")
            }
            for action in Self.list(filled["actions"]) { try Self.check(action["title"], 20) }
        }
        for item in Self.list(filled["items"]) {
            try Self.check(item["item"], 24)
            try Self.check(item["id"], 200)
            try Self.check(item["description"], 72)
        }
        return (.object([type: filled]), text)
    }

    private static func check(_ value: JSONValue?, _ longest: Int) throws(TwilioError) {
        guard let text = value?.string, (1...longest).contains(text.count), !text.contains("{{") else {
            throw TwilioError(400, 21_656, "The ContentVariables Parameter is invalid")
        }
    }

    private static func fill(_ value: JSONValue, _ variables: [String: String]) -> JSONValue {
        switch value {
        case .string(let text):
            .string(variables.reduce(text) { $0.replacing("{{\($1.key)}}", with: $1.value) })
        case .array(let items): .array(items.map { fill($0, variables) })
        case .object(let members): .object(members.mapValues { fill($0, variables) })
        default: value
        }
    }

    private static func list(_ value: JSONValue?) -> [JSONValue] {
        if case .array(let items) = value { items } else { [] }
    }
}

/// The contents of all accounts.
final class TwilioContentShelf: Sendable {
    static let most = 10_000
    private let contents = Mutex<[String: [TwilioContent]]>([:])
    private let removed = Mutex<Set<String>>([])

    func add(_ content: TwilioContent, to account: String) {
        contents.withLock { contents in
            if contents[account, default: []].count < Self.most { contents[account, default: []].append(content) }
        }
    }

    func all(of account: String) -> [TwilioContent] { contents.withLock { $0[account] ?? [] } }

    func find(_ sid: String, of account: String) -> TwilioContent? { all(of: account).first { $0.sid == sid } }

    /// `false` where there is none.
    func remove(_ sid: String) -> Bool {
        let isThere = contents.withLock { contents in
            let count = contents.values.reduce(0) { $0 + $1.count }
            contents = contents.mapValues { $0.filter { $0.sid != sid } }
            return contents.values.reduce(0) { $0 + $1.count } < count
        }
        if isThere { removed.withLock { _ = $0.insert(sid) } }
        return isThere
    }

    func wasRemoved(_ sid: String) -> Bool { removed.withLock { $0.contains(sid) } }
}

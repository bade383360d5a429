import CommunicationAPI
import Contracts
import Core
import Crypto
import Vault

/// ZeptoMail's webhooks: who signed them, and what they say of our messages.
enum ZeptoMailNotice {
    /// Messages that one notice may speak of.
    static let mostMessages = 1_000

    struct Item: Sendable, Equatable {
        /// The same in each delivery of the same notice.
        var id: String
        /// Ours, as it was given with the message; `nil` when it names none.
        var message: MessageID?
        /// `nil` for kinds that say nothing about a message's way.
        var event: DeliveryEvent?
    }

    /// Whether `producer-signature` is the HMAC-SHA256 of the raw body under one of the authentication keys.
    static func isSigned(_ body: [UInt8], _ header: String?, secrets: [Secret]) -> Bool {
        var parts: [Substring: Substring] = [:]
        for part in (header ?? "").split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2 { parts[pair[0].drop { $0 == " " }] = pair[1] }
        }
        guard parts["s-algorithm"] == "HmacSHA256", let text = parts["s"],
            let decoded = PercentCoding.decode(text, plusIsSpace: false), let signature = Base64.decode(decoded)
        else { return false }
        var isSigned = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.unredacted.utf8))
            let expected = Array(HMAC<SHA256>.authenticationCode(for: body, using: key))
            if constantTimeEqual(signature, expected) { isSigned = true }
        }
        return isSigned
    }

    /// What a notice says; throws 400 for what is none.
    static func items(_ body: [UInt8]) throws(Problem) -> [Item] {
        let notice: JSONValue
        do { notice = try JSONTape(body).decode(JSONValue.self) } catch { throw .malformed("The notice is not JSON.") }
        let names = list(notice["event_name"]).compactMap(\.string)
        guard !names.isEmpty else { throw .malformed("The notice names no event.") }
        let messages = list(notice["event_message"])
        guard messages.count <= mostMessages else { throw .malformed("The notice speaks of too many messages.") }
        let id = ProviderVerdict.token(notice["webhook_request_id"]?.string) ?? Array(SHA256.hash(data: body)).hex
        // One event for all its messages, or one for each.
        return messages.enumerated().map { index, message in
            Item(
                id: "\(id):\(index)",
                message: message["email_info"]?["client_reference"]?.string.flatMap { MessageID($0) },
                event: event(names.count == messages.count ? names[index] : names[0])
            )
        }
    }

    /// The spellings seen differ in case and in what stands between the words.
    private static func event(_ name: String) -> DeliveryEvent? {
        switch String(name.lowercased().filter { ("a"..."z").contains($0) }) {
        case "softbounce": .softBounce
        case "hardbounce": .hardBounce
        case "delivered", "emaildelivered": .delivered
        case "emailopen": .opened
        default: nil
        }
    }

    /// A single object sometimes comes instead of a list.
    private static func list(_ value: JSONValue?) -> [JSONValue] {
        switch value {
        case .array(let items): items
        case nil, .null: []
        case let single?: [single]
        }
    }
}

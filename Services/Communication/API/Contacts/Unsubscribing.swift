package import Contracts
import Core

/// The link by which the recipient of a message ends messages like it.
package struct UnsubscribePath: Wire {
    /// In characters.
    package static let longestToken = 2_000

    /// Opaque; no address can be read in it.
    package var token: String

    package init(token: String) { self.token = token }

    package static var limits: [Limit] { [.length(CodingKeys.token, 1...longestToken)] }
}

/// That link followed by a mail program (RFC 8058) or by its page's button.
package struct UnsubscribeRequest: Wire {
    /// In bytes.
    package static let longestBody = 4_096

    /// What mail programs post, and what the page's button does.
    package static let oneClick = "List-Unsubscribe=One-Click"

    package var token: String
    /// A form that says so, urlencoded or multipart; or nothing.
    package var body: RawBody

    package init(token: String, body: RawBody = RawBody(Array(oneClick.utf8))) {
        self.token = token
        self.body = body
    }

    package static var limits: [Limit] { [.length(CodingKeys.token, 1...UnsubscribePath.longestToken)] }
}

/// Whether messages of a category still reach whoever holds the link.
package struct UnsubscribeState: Wire, Hashable {
    package var channel: MessageChannel
    package var category: MessageCategory
    package var unsubscribed: Bool

    package init(channel: MessageChannel, category: MessageCategory, unsubscribed: Bool) {
        self.channel = channel
        self.category = category
        self.unsubscribed = unsubscribed
    }
}

/// Unsubscribing by link.
package struct UnsubscribeEndpoints: Sendable {
    package let show = Endpoint(
        "communication.unsubscribe.show",
        .GET,
        "/public/unsubscribe/{token}",
        service: .communication,
        guard: .open(because: "whoever holds the link received the message"),
        tenancy: Tenancy.none,
        takes: UnsubscribePath.self,
        gives: UnsubscribeState.self,
        audit: .none(because: "changes nothing and names nobody"),
        media: "text/html",
        furtherMedia: ["application/json"],
        summary: "A page that asks whether to unsubscribe; opening it changes nothing"
    )
    package let unsubscribe = Endpoint(
        "communication.unsubscribe.unsubscribe",
        .POST,
        "/public/unsubscribe/{token}",
        service: .communication,
        guard: .open(because: "whoever holds the link received the message"),
        tenancy: Tenancy.none,
        takes: UnsubscribeRequest.self,
        gives: UnsubscribeState.self,
        audit: .login,
        body: .raw(maxBytes: UnsubscribeRequest.longestBody),
        media: "text/html",
        furtherMedia: ["application/json"],
        summary: "End messages of the link's category to its recipient: List-Unsubscribe=One-Click (RFC 8058)"
    )

    package init() {}

    package var all: [any EndpointDescription] { [show, unsubscribe] }
}

import Contracts
import Core

/// What the gateway answers itself: health without detail, its version, and the description of itself.
struct Pages: Sendable {
    /// The version of the suite.
    static let version = "0.1.0"
    /// The documents change with a release only.
    private static let cacheable = (name: "Cache-Control", value: "public, max-age=300")
    private static let styled = (
        name: "Content-Security-Policy",
        value: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )

    private let document: [UInt8]
    private let page: [UInt8]
    private let isReady: @Sendable () async -> Bool

    /// Throws `SchemaError` for an operation that cannot be described.
    init(
        endpoints: [any EndpointDescription],
        publicURL: String,
        isReady: @escaping @Sendable () async -> Bool
    ) throws {
        document = try OpenAPIDocument.json(endpoints: endpoints, publicURL: publicURL)
        page = Array(try DocsPage.html(endpoints: endpoints, publicURL: publicURL).utf8)
        self.isReady = isReady
    }

    func reply(_ page: Route.Page, _ exchange: Exchange, isDraining: Bool) async -> ClientReply {
        switch page {
        case .live: return Self.json(200, #"{"status":"live"}"#)
        case .ready:
            let ready = isDraining ? false : await isReady()
            return ready ? Self.json(200, #"{"status":"ready"}"#) : Self.json(503, #"{"status":"not_ready"}"#)
        case .version: return Self.json(200, #"{"name":"polyclinic","version":"\#(Self.version)","api":"v1"}"#)
        case .openAPI:
            return ClientReply(
                status: 200,
                headers: [("Content-Type", "application/json"), Self.cacheable],
                body: document
            )
        case .documentation:
            return ClientReply(
                status: 200,
                headers: [("Content-Type", "text/html; charset=utf-8"), Self.cacheable, Self.styled],
                body: self.page
            )
        }
    }

    private static func json(_ status: Int, _ text: String) -> ClientReply {
        ClientReply(status: status, headers: [("Content-Type", "application/json")], body: Array(text.utf8))
    }
}

/// A service's answer, as the gateway passes it on.
package struct BusReply: Sendable {
    package var status: Int
    package var contentType: String
    /// ETag, Location, Idempotency-Replayed, X-Audit-Size and their like.
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// Where a streamed reply goes on; `nil` for the last page.
    package var nextPage: String?

    package init(
        status: Int,
        contentType: String = "application/json",
        headers: [(String, String)] = [],
        body: [UInt8] = [],
        nextPage: String? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
        self.nextPage = nextPage
    }
}

/// What a request says of the piece of a streamed body that it carries.
package struct BodyPiece: Hashable, Sendable {
    /// Bytes of every piece but the last; in base64 and sealed a request with it stays below half a mebibyte.
    package static let bytes = 192 * 1_024
    /// The status by which a service says that it has taken a piece and waits for the next.
    package static let taken = 202

    /// Of the whole body, in lower case and without parameters; of a webhook as it came.
    package var contentType: String
    /// From 0.
    package var number: Int
    /// Ends the body; it may have fewer bytes than the others, and an empty body has one piece without any.
    package var isLast: Bool
    /// SHA-256 of the whole body in hexadecimal digits, with the last piece of one that comes under its client's own key.
    package var digest: String?
    /// The body has broken off here: the piece has no bytes, no other comes, and those before it are of no use any more.
    package var isBroken: Bool

    package init(contentType: String, number: Int, isLast: Bool, digest: String? = nil, isBroken: Bool = false) {
        self.contentType = contentType
        self.number = number
        self.isLast = isLast
        self.digest = digest
        self.isBroken = isBroken
    }

    /// `nil` for a request that carries no piece.
    package init?(_ request: BusRequest) {
        guard let isLast = request.headers["body-last"],
            let number = request.headers["body-piece"].flatMap({ Int($0) }), number >= 0
        else { return nil }
        let contentType = request.headers["content-type"] ?? ""
        let digest = request.headers["body-digest"]
        self.init(
            contentType: contentType,
            number: number,
            isLast: isLast == "true",
            digest: digest,
            isBroken: request.headers["body-broken"] == "true"
        )
    }

    /// Whether there is no other.
    package var isWhole: Bool { number == 0 && isLast }

    /// As a request carries it.
    package var headers: [String: String] {
        var headers = ["content-type": contentType, "body-piece": "\(number)", "body-last": "\(isLast)"]
        if let digest { headers["body-digest"] = digest }
        if isBroken { headers["body-broken"] = "true" }
        return headers
    }
}

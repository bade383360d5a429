package import Contracts

/// A page of a list, optionally of what a word is found in.
package struct SearchRequest: Wire {
    package static let longestCursor = 1_000
    package static let longestWord = 100

    /// Part of a name; of patients also a whole e-mail address or phone number.
    package var q: String?
    package var sort: DirectoryOrder?
    package var limit: Int?
    package var cursor: String?

    package init(q: String? = nil, sort: DirectoryOrder? = nil, limit: Int? = nil, cursor: String? = nil) {
        self.q = q
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.q, 1...longestWord),
            .describe(CodingKeys.sort, "createdAt, the oldest first, when absent."), .range(CodingKeys.limit, 1...200),
            .length(CodingKeys.cursor, 1...longestCursor),
        ]
    }
}

/// One page of a list: `{"items": […], "nextCursor": "…" | null}`.
package struct Page<Item: Wire>: Wire {
    /// Items of a page unless the caller asks for another number.
    package static var usualLimit: Int { 50 }
    /// Most items of a page.
    package static var highestLimit: Int { 200 }

    package var items: [Item]
    /// Opaque; `nil` on the last page.
    package var nextCursor: String?

    package init(items: [Item], nextCursor: String? = nil) {
        self.items = items
        self.nextCursor = nextCursor
    }

    /// The first `limit` of items that were read one beyond it; the cursor names the last one shown.
    package init(_ found: [Item], limit: Int, cursor: (Item) -> String) {
        self.init(found, limit: limit, cursor: cursor) { $0 }
    }

    /// The same of what is shown in another form.
    package init<Found>(
        _ found: [Found],
        limit: Int,
        cursor: (Found) -> String,
        showing show: ([Found]) throws -> [Item]
    ) rethrows {
        let shown = Array(found.prefix(limit))
        self.init(items: try show(shown), nextCursor: found.count > limit ? shown.last.map(cursor) : nil)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        items = try container.decode([Item].self, forKey: .items)
        nextCursor = try container.decode(String?.self, forKey: .nextCursor)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(items, forKey: .items)
        try container.encode(nextCursor, forKey: .nextCursor)
    }

    package static var limits: [Limit] { [.describe(CodingKeys.nextCursor, "Opaque; null on the last page.")] }

    private enum CodingKeys: CodingKey { case items, nextCursor }
}

/// One entry of a stream with its fields as they were written.
package struct StreamEntry: Sendable {
    package let id: EntryID
    /// Name, value, name, value …; empty when the entry was deleted while it was still pending.
    package let fields: [[UInt8]]

    package init(id: EntryID, fields: [[UInt8]]) {
        self.id = id
        self.fields = fields
    }

    /// The value of the first field of that name.
    package subscript(name: String) -> [UInt8]? {
        for index in stride(from: 0, to: fields.count - 1, by: 2) where fields[index].elementsEqual(name.utf8) {
            return fields[index + 1]
        }
        return nil
    }

    init?(_ reply: Reply) {
        guard let pair = reply.array, pair.count == 2, let text = pair[0].string, let id = EntryID(text) else {
            return nil
        }
        self.id = id
        fields = (pair[1].array ?? []).compactMap(\.bytes)
    }
}

extension Reply {
    /// The entries of `XRANGE`, `XCLAIM` and their like.
    package func entries() throws(RedisError) -> [StreamEntry] {
        if isNull { return [] }
        guard let items = array else { throw .protocol }
        var entries: [StreamEntry] = []
        entries.reserveCapacity(items.count)
        for item in items {
            // XCLAIM of Redis before 7 gives null for what was deleted.
            if item.isNull { continue }
            guard let entry = StreamEntry(item) else { throw .protocol }
            entries.append(entry)
        }
        return entries
    }

    /// The entries of the one stream that `XREAD` or `XREADGROUP` was asked for; empty when the time ran out.
    package func readEntries() throws(RedisError) -> [StreamEntry] {
        if isNull { return [] }
        guard let streams = array, let stream = streams.first?.array, stream.count == 2 else { throw .protocol }
        return try stream[1].entries()
    }
}

import NIOCore
import Redis
import Testing

@Suite struct RedisCommandTests {
    @Test func countsBytesNotCharacters() {
        var buffer = ByteBuffer()
        let command: RedisCommand = ["SET", "clé", .bytes([0, 13, 10]), 42]
        command.encode(into: &buffer)
        #expect(
            buffer == ByteBuffer(string: "*4\r\n$3\r\nSET\r\n$4\r\nclé\r\n$3\r\n\u{0}\r\n\r\n$2\r\n42\r\n")
        )
    }

    @Test(arguments: [("1-2", EntryID(milliseconds: 1, sequence: 2)), ("0-0", .zero)])
    func readsEntryIDs(text: String, id: EntryID) {
        #expect(EntryID(text) == id && id.description == text)
    }

    @Test(arguments: ["", "1", "1-", "-1", "a-b", "1-2-3", "1--2"])
    func refusesEntryIDs(text: String) { #expect(EntryID(text) == nil) }

    @Test func ordersEntryIDs() {
        let ids = ["2-0", "1-10", "1-9", "10-0"].compactMap { EntryID($0) }
        #expect(ids.sorted().map(\.description) == ["1-9", "1-10", "2-0", "10-0"])
    }
}

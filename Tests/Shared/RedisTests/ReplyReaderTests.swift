import NIOCore
import Testing

@testable import Redis

@Suite struct ReplyReaderTests {
    @Test(arguments: [
        ("+OK\r\n", Reply.simple("OK")),
        ("-NOGROUP No such key\r\n", .error("NOGROUP No such key")),
        (":-12\r\n", .integer(-12)),
        ("$5\r\nhello\r\n", .bulk(Array("hello".utf8))),
        ("$0\r\n\r\n", .bulk([])),
        ("$-1\r\n", .null),
        ("*-1\r\n", .null),
        ("*0\r\n", .array([])),
        ("*2\r\n$1\r\na\r\n*1\r\n:1\r\n", .array([.bulk([97]), .array([.integer(1)])])),
    ])
    func reads(wire: String, expected: Reply) throws {
        #expect(try replies(to: [wire]) == [expected])
        // Byte by byte it is the same.
        #expect(try replies(to: wire.map(String.init)) == [expected])
    }

    @Test func readsSeveralFromOnePiece() throws {
        #expect(try replies(to: ["+a\r\n:1\r\n$1\r\nb\r", "\n"]) == [.simple("a"), .integer(1), .bulk([98])])
    }

    @Test(arguments: ["%1\r\n+a\r\n+b\r\n", "hello\r\n", "_\r\n", ",1.5\r\n", "(123\r\n"])
    func refusesWhatIsNotRESP2(wire: String) {
        #expect(throws: RedisError.protocol) { try replies(to: [wire]) }
    }

    @Test func refusesNestingBeyondTheParser() {
        #expect(throws: RedisError.protocol) { try replies(to: [String(repeating: "*1\r\n", count: 12) + ":1\r\n"]) }
    }

    @Test func boundsABulkOfHostileLength() {
        let filler = String(repeating: "x", count: 512)
        #expect(throws: RedisError.tooLarge) {
            try replies(to: ["$9999999999999\r\n"] + Array(repeating: filler, count: 20), bytesMax: 4_096)
        }
    }

    @Test func boundsAnEndlessArray() {
        let items = String(repeating: ":1\r\n", count: 200)
        #expect(throws: RedisError.tooLarge) {
            try replies(to: ["*100000\r\n"] + Array(repeating: items, count: 20), bytesMax: 4_096)
        }
    }

    @Test func countsOnlyWhatIsNotWhole() throws {
        let wire = Array(repeating: "$100\r\n" + String(repeating: "x", count: 100) + "\r\n", count: 200)
        #expect(try replies(to: wire, bytesMax: 4_096).count == 200)
    }

    @Test func readsEightMegabytesInPieces() throws {
        let size = 8 << 20
        var pieces = ["$\(size)\r\n"]
        pieces += Array(repeating: String(repeating: "z", count: 16 << 10), count: size / (16 << 10))
        pieces.append("\r\n")
        let bytes = try #require(try replies(to: pieces).first?.bytes)
        #expect(bytes.count == size && bytes.allSatisfy { $0 == UInt8(ascii: "z") })
    }

    private func replies(to pieces: [String], bytesMax: Int = 64 << 20) throws -> [Reply] {
        let reader = try #require(ReplyReader(bytesMax: bytesMax))
        var found: [Reply] = []
        for piece in pieces {
            try reader.feed(ByteBuffer(string: piece)) { reply throws(RedisError) in found.append(reply) }
        }
        return found
    }
}

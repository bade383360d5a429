import Contracts
import Core
import Testing

@Suite struct JSONTapeTests {
    @Test(arguments: [
        "", " ", "{", "}", "[", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}", "[1 2]",
        "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "tru", "nul", "True", "\"", "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\t\"",
        "\"\n\"",
        "1 2", "{} {}", "[]]", "{\"a\":1}}", "// x\n1", "\u{FEFF}1", "\"\\", "[\"a\":1]", "{\"a\",1}",
    ])
    func refusesMalformed(_ json: String) {
        let problem = #expect(throws: Problem.self) { try JSONTape(bytes(json)) }
        #expect(problem?.status == 400)
        #expect(problem?.code == "malformed")
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22],
        ] as [[UInt8]]
    )
    func refusesInvalidUTF8(_ json: [UInt8]) {
        let problem = #expect(throws: Problem.self) { try JSONTape(json) }
        #expect(problem?.status == 400 && problem?.detail.contains("UTF-8, at byte 1.") == true)
    }

    @Test func refusesDepthBeyond32() throws {
        let deepest = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(throws: Never.self) { try JSONTape(bytes(deepest)) }
        #expect(throws: Problem.self) { try JSONTape(bytes("[\(deepest)]")) }
        // A hostile body must not cost a stack frame per level.
        #expect(throws: Problem.self) { try JSONTape([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) }
    }

    @Test(arguments: [
        ("\"\\u0041\\n\\t\\\"\\\\\\/\\b\\f\\r\"", "A\n\t\"\\/\u{8}\u{c}\r"), ("\"\\ud83d\\ude00\"", "😀"),
        ("\"é\\u00e9\"", "éé"),
        ("\"\\uffff\"", "\u{ffff}"), ("\"\"", ""), ("\"\u{7f}\"", "\u{7f}"),
    ])
    func resolvesEscapes(_ json: String, _ expected: String) throws {
        #expect(try JSONTape(bytes(json)).decode(String.self) == expected)
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("42", 42),
    ])
    func readsIntegers(_ json: String, _ expected: Int64) throws {
        #expect(try JSONTape(bytes(json)).decode(Int64.self) == expected)
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775809", "1.0", "1e2", "\"1\"", "99999999999999999999999999",
    ])
    func refusesWhatIsNoInt64(_ json: String) throws {
        let tape = try JSONTape(bytes(json))
        #expect(throws: DecodingError.self) { try tape.decode(Int64.self) }
    }

    @Test(arguments: [("1.5", 1.5), ("-2e3", -2000), ("5E-324", .leastNonzeroMagnitude), ("12", 12)])
    func readsNumbers(_ json: String, _ expected: Double) throws {
        #expect(try JSONTape(bytes(json)).decode(Double.self) == expected)
    }

    @Test func refusesNumbersBeyondDouble() throws {
        let tape = try JSONTape(bytes("1e400"))
        #expect(throws: DecodingError.self) { try tape.decode(Double.self) }
    }

    @Test func decodesInAnyOrder() throws {
        let json = """
            {"urgent":true,"copies":2,"to":{"phone":"+4915112345678"},"channels":["sms","email"],"nested":[[1],[]],
             "data":{"x":[1,null,{"y":1.5}]},"price":{"currency":"EUR","amount":5}}
            """
        let message = try JSONTape(bytes(json)).decode(Sample.Message.self)
        #expect(message.to.phone == PhoneNumber("+4915112345678"))
        #expect(message.channels == [.sms, .email])
        #expect(message.nested == [[1], []])
        #expect(message.data == ["x": [1, .null, ["y": .number(1.5)]]])
        #expect(message.price?.amount == 5)
    }

    @Test func namesTheWayToAFault() throws {
        let tape = try JSONTape(bytes(#"{"items":[{"email":"a@b.c"},{"email":5}],"nextCursor":null}"#))
        do {
            _ = try tape.decode(Page<Sample.Recipient>.self)
            Issue.record("decoded a number as an address")
        } catch DecodingError.typeMismatch(_, let context) {
            #expect(context.codingPath.map(\.stringValue) == ["items", "1", "email"])
        }
    }

    @Test func keepsRawJSONAsItCame() throws {
        struct Holder: Codable { var raw: RawJSON }
        let json = #"{"raw":{"b": 1.0, "a":"\u0041"}}"#
        let holder = try JSONTape(bytes(json)).decode(Holder.self)
        #expect(text(holder.raw.bytes) == #"{"b": 1.0, "a":"\u0041"}"#)
        #expect(text(try JSONWriter.encode(holder)) == json)
        let string = try JSONTape(bytes(#"{"raw":"x"}"#)).decode(Holder.self)
        #expect(text(string.raw.bytes) == "\"x\"")
    }
}

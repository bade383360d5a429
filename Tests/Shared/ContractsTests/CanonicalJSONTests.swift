import Contracts
import Core
import Testing

/// The examples RFC 8785 publishes.
@Suite struct CanonicalJSONTests {
    /// §3.2.2 and §3.2.4.
    @Test func primitives() throws {
        let json = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(text(try JSONWriter.canonical(json: bytes(json))) == expected)
    }

    /// §3.2.3: sorted by UTF-16 code units, so that the emoji stands before U+FB33.
    @Test func sorting() throws {
        let json = #"""
            {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
             "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
            """#
        let expected =
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
            + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        #expect(text(try JSONWriter.canonical(json: bytes(json))) == expected)
    }

    /// Appendix B, all rows with a result.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"), (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"), (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"), (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"), (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] as [(UInt64, String)]
    )
    func numbers(_ pattern: UInt64, _ expected: String) throws {
        let written = Double(bitPattern: pattern).description
        #expect(text(try JSONWriter.canonical(json: bytes("[\(written)]"))) == "[\(expected)]")
    }

    @Test func refusesWhatHasNoForm() {
        #expect(throws: Problem.self) { try JSONWriter.canonical(json: bytes("1e999")) }
        #expect(throws: Problem.self) { try JSONWriter.canonical(json: bytes(#"{"a":1,"\u0061":2}"#)) }
        // Two normalisation forms are two keys.
        #expect(throws: Never.self) { try JSONWriter.canonical(json: bytes("{\"\u{e9}\":1,\"e\u{301}\":2}")) }
    }

    @Test func isIdempotent() throws {
        let once = try JSONWriter.canonical(
            ["b": JSONValue.number(1e21), "a": ["z": 1, "y": [.number(-0.0)]]] as JSONValue
        )
        #expect(text(once) == #"{"a":{"y":[0],"z":1},"b":1e+21}"#)
        #expect(try JSONWriter.canonical(json: once) == once)
    }
}

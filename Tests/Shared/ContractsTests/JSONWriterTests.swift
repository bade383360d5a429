import Contracts
import Core
import Testing

@Suite struct JSONWriterTests {
    @Test func writesMembersAsDeclared() throws {
        let message = Sample.Message(
            to: .init(email: EmailAddress("ada@example.org")),
            channels: [.email],
            template: "a\"b\\\u{1}\n",
            data: [:],
            copies: -3,
            urgent: false,
            price: Money(amount: 7, currency: try #require(Currency("EUR"))),
            nested: [[1, 2], []]
        )
        let expected = #"""
            {"to":{"email":"ada@example.org"},"channels":["email"],"template":"a\"b\\\u0001\n","data":{},"copies":-3,\#
            "urgent":false,"price":{"amount":7,"currency":"EUR"},"nested":[[1,2],[]]}
            """#
        let written = try JSONWriter.encode(message)
        #expect(text(written) == expected)
        #expect(try JSONTape(written).decode(Sample.Message.self) == message)
    }

    @Test func writesEmptyAndScalarValues() throws {
        #expect(text(try JSONWriter.encode(EmptyOutput())) == "{}")
        #expect(text(try JSONWriter.encode("é")) == "\"é\"")
        #expect(text(try JSONWriter.encode([Int?.none, 1])) == "[null,1]")
        #expect(text(try JSONWriter.encode(1.5)) == "1.5")
        #expect(throws: EncodingError.self) { try JSONWriter.encode([Double.infinity]) }
        #expect(throws: EncodingError.self) { try JSONWriter.encode(Double.nan) }
    }

    /// Whole numbers are written as such as far as every one of them is a `Double`, and the least of `Int64` has no positive.
    @Test(arguments: [
        (-0.0, "0"), (0x1p53 - 1, "9007199254740991"), (0x1p53, "9007199254740992.0"),
        (-0x1p53 + 1, "-9007199254740991"), (-0x1p53, "-9007199254740992.0"), (0x1p63, "9.223372036854776e+18"),
        (-0x1p63, "-9.223372036854776e+18"),
    ])
    func writesLargeNumbers(number: Double, written: String) throws {
        #expect(text(try JSONWriter.encode(number)) == written)
        #expect(try JSONTape(JSONWriter.encode([number])).decode([Double].self) == [number])
    }

    @Test func writesTheLastCursorAsNull() throws {
        #expect(text(try JSONWriter.encode(Page<Sample.Recipient>(items: []))) == #"{"items":[],"nextCursor":null}"#)
    }

    @Test func writesPatchesAsTheyAre() throws {
        let id = PatientID(high: 0, low: 1)
        let absent = Sample.Change(id: id, phone: .absent)
        #expect(text(try JSONWriter.encode(absent)) == "{\"id\":\"\(id)\"}")
        let clear = Sample.Change(id: id, phone: .clear)
        #expect(text(try JSONWriter.encode(clear)) == "{\"id\":\"\(id)\",\"phone\":null}")
    }

    @Test(arguments: ["{}", #"{"id":"x","phone":null}"#, #"{"id":"x","phone":"+4915112345678"}"#])
    func tellsAbsentFromNull(_ json: String) throws {
        struct Body: Wire { var phone: Patch<PhoneNumber> }
        let patch = try JSONTape(bytes(json)).decode(Body.self).phone
        switch json.utf8.count {
        case 2: #expect(patch == .absent)
        case 23: #expect(patch == .clear)
        default: #expect(patch == .set(try #require(PhoneNumber("+4915112345678"))))
        }
    }

    @Test func closesHandNestedContainers() throws {
        struct Hand: Encodable {
            enum Key: CodingKey { case a, b, c }
            func encode(to encoder: any Encoder) throws {
                var outer = encoder.container(keyedBy: Key.self)
                var list = outer.nestedUnkeyedContainer(forKey: .a)
                try list.encode(1)
                var inner = list.nestedContainer(keyedBy: Key.self)
                try inner.encode("x", forKey: .b)
                try list.encode(2)
                try outer.encode(Int64.min, forKey: .c)
            }
        }
        #expect(text(try JSONWriter.encode([Hand()])) == #"[{"a":[1,{"b":"x"},2],"c":-9223372036854775808}]"#)
    }

    @Test func anyJSONRoundTrips() throws {
        let value: JSONValue = ["a": [1, "x", true, .null, .number(0.1)], "b": [:], "c": .integer(.max)]
        #expect(try JSONTape(JSONWriter.encode(value)).decode(JSONValue.self) == value)
    }

    @Test(arguments: [[], [0], [0, 255], [1, 2, 3], [1, 2, 3, 4]] as [[UInt8]])
    func base64RoundTrips(_ data: [UInt8]) throws {
        #expect(Base64.decode(Base64.encode(data)) == data)
        #expect(try JSONTape(JSONWriter.encode(RawBody(data))).decode(RawBody.self).bytes == data)
    }

    /// RFC 4648 §10, and texts that are not base64.
    @Test func base64Vectors() {
        #expect(Base64.encode(bytes("foobar")) == "Zm9vYmFy")
        #expect(Base64.encode(bytes("fooba")) == "Zm9vYmE=")
        #expect(Base64.encode(bytes("foob")) == "Zm9vYg==")
        for wrong in ["Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Zm-_", "Zg==Zg==", "=Zg="] {
            #expect(Base64.decode(wrong) == nil)
        }
    }
}

import Contracts
import Testing

/// Texts that say the same are told from texts that do not.
@Suite struct PlainTextTests {
    private func plain(_ json: String) throws -> String { text(try JSONTape(bytes(json)).plain) }

    @Test(
        arguments: [
            ("{}", " { \n} "), (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#),
            (
                #"{"a":{"x":[1,{"p":null,"q":true}],"y":"z"}}"#,
                #" { "a" : { "y":"z" , "x" : [ 1, {"q":true,"p":null} ] } } "#
            ),
            (#"{"é":1,"z":2,"a":3}"#, #"{"a":3,"z":2,"é":1}"#), (#"{"aa":1,"a":2,"":3}"#, #"{"":3,"a":2,"aa":1}"#),
            (#"{"a b":"c  d"}"#, #"{ "a b" : "c  d" }"#), ("[]", "[ ]"), (#""x""#, #" "x" "#),
            ("-1.50e3", " -1.50e3\t"),
        ]
    )
    func theSameStaysTheSame(_ one: String, _ other: String) throws {
        #expect(try plain(one) == plain(other))
    }

    @Test(
        arguments: [
            ("[1,2]", "[2,1]"), (#"{"a":1}"#, #"{"a":2}"#), (#"{"a":1}"#, #"{"a":"1"}"#), (#"{"a":1}"#, #"{"b":1}"#),
            (#"{"a":null}"#, "{}"), (#"{"a":"x"}"#, #"{"a":"x "}"#), (#"{"a":[]}"#, #"{"a":{}}"#),
            // Beyond what a double tells apart.
            ("9007199254740993", "9007199254740992"), (#"{"a":{"b":1},"c":2}"#, #"{"a":{"b":1,"c":2}}"#),
            (#"{"a":"\",\"b\":\""}"#, #"{"a":"","b":""}"#),
        ]
    )
    func whatDiffersStaysDifferent(_ one: String, _ other: String) throws {
        #expect(try plain(one) != plain(other))
    }

    @Test func namesWithEscapesHaveTheirPlace() throws {
        #expect(try plain(#"{"\u0061":1,"b":2}"#) == #"{"\u0061":1,"b":2}"#)
        #expect(try plain(#"{"b":2,"\u0061":1}"#) == #"{"\u0061":1,"b":2}"#)
    }
}

import Contracts
import Core
import Testing

@Suite struct InputAssemblerTests {
    private static let id = "0198c1a2-7d3e-7c4b-9f10-2b6a5d8e4c31"
    private static let other = "0198c1a2-7d3e-7c4b-9f10-2b6a5d8e4c32"

    private func assemble(
        _ endpoint: any EndpointDescription,
        path: [(name: String, value: String)] = [("id", id)],
        query: String? = nil,
        type: String? = "application/json",
        body: String = ""
    ) throws -> String {
        let assembler = try InputAssembler(endpoint)
        return text(try assembler.assemble(path: path, query: query, contentType: type, body: bytes(body)))
    }

    private func refusal(
        _ endpoint: any EndpointDescription,
        path: [(name: String, value: String)] = [("id", id)],
        query: String? = nil,
        type: String? = "application/json",
        body: String = ""
    ) throws -> String {
        let problem = try #require(
            throws: Problem.self
        ) { try assemble(endpoint, path: path, query: query, type: type, body: body) }
        let faults = problem.errors.map { "\($0.parameter.map { "?" + $0 } ?? $0.pointer ?? ""): \($0.detail)" }
        return (["\(problem.status)"] + faults).joined(separator: " | ")
    }

    @Test func joinsPathAndQuery() throws {
        let input = try assemble(
            Sample.search,
            query: "from=2026-11-21&limit=5&status=sms&status=email&open=true&",
            type: nil
        )
        #expect(
            input
                == #"{"id":"\#(Self.id)","from":"2026-11-21","limit":5,"status":["sms","email"],"open":true}"#
        )
    }

    @Test(arguments: [
        ("from=2026-02-30", "422 | ?from: is not a date YYYY-MM-DD"), ("", "422 | ?from: is required"),
        ("from=2026-11-21&limit=0123x", "422 | ?limit: must be a whole number"),
        ("from=2026-11-21&x=1", "422 | ?x: is not a known parameter"),
        ("from=2026-11-21&id=1", "422 | ?id: is not a known parameter"),
        ("from=2026-11-21&from=2026-11-22", "422 | ?from: appears twice | ?from: is required"),
        ("from=2026-11-21&open=1", "422 | ?open: must be true or false"),
        ("from=2026-11-21&status=fax", "422 | ?status: must be one of email, sms"), ("from=%zz", "400"),
    ])
    func refusesQueries(_ query: String, _ expected: String) throws {
        #expect(try refusal(Sample.search, query: query, type: nil) == expected)
    }

    /// Nobody has an id that is none, whatever else is wrong.
    @Test(
        arguments: [
            "7", "", id.uppercased(), id + "0", "{\(id)}", String(repeating: "a", count: 5_000), "\u{0}",
            "00000000-0000-0000-0000-00000000000g",
        ]
    )
    func whatIsNoIDLeadsNowhere(_ given: String) throws {
        let path = [(name: "id", value: given)]
        #expect(try refusal(Sample.search, path: path, query: "from=2026-11-21", type: nil) == "404")
        #expect(try refusal(Sample.search, path: path, query: "from=x&y=1", type: nil) == "404")
        #expect(try refusal(Sample.change, path: path, body: #"{"nope":1}"#) == "404")
    }

    @Test func aBodyThatNamesThePathAgainIsAtFaultItself() throws {
        for value in ["7", "null", "[1]", #""\#(Self.other)""#, #""no id""#] {
            #expect(try refusal(Sample.change, body: #"{"id":\#(value)}"#) == "422 | /id: is not a known key")
        }
        let more = try refusal(Sample.change, body: #"{"id":7,"nope":1,"name":2}"#)
        #expect(more == "422 | /id: is not a known key | /nope: is not a known key | /name: must be a text")
        #expect(try refusal(Sample.change, path: [("id", "7")], body: #"{"id":7.5}"#) == "404")
    }

    /// What was read is sent back.
    @Test func whatThePathSaysMayStandInTheBodyToo() throws {
        let input = try assemble(Sample.change, body: #"{ "name" : "a\u0041" , "id":"\#(Self.id)"}"#)
        #expect(input == #"{"id":"\#(Self.id)","name":"a\u0041"}"#)
        let twice = #"{"id":"\#(Self.id)","id":"\#(Self.other)"}"#
        #expect(try refusal(Sample.change, body: twice) == "422 | /id: is not a known key")
    }

    @Test func anEmptyObjectIsNoBody() throws {
        let endpoint = Endpoint(
            "samples.stop",
            .POST,
            "/samples/{id}/stop",
            service: .appointments,
            guard: .signedIn,
            takes: EmptyInput.self,
            gives: EmptyOutput.self,
            audit: .change,
            body: BodyKind.none,
            summary: "Stop it"
        )
        for body in ["", "{}", " { } "] { #expect(try assemble(endpoint, body: body) == "{}") }
        for body in ["[]", #"{"a":1}"#, "{", "null"] { #expect(try refusal(endpoint, body: body) == "400") }
    }

    /// A type that another operation takes at the same place is named beside the own.
    @Test func refusalsNameAllTypes() throws {
        let assembler = try InputAssembler(Sample.send, otherMedia: ["text/csv"])
        let problem = #expect(throws: Problem.self) {
            try assembler.assemble(path: [], query: String?.none, contentType: "text/xml", body: bytes("<a/>"))
        }
        #expect(problem?.status == 415 && problem?.detail.contains("application/json or text/csv") == true)
        #expect(try refusal(Sample.sheet, path: [], type: "text/xml", body: "a,b") == "415")
        #expect(try refusal(Sample.sheet, path: [], type: nil, body: "a,b") == "415")
        let input = try assemble(Sample.sheet, path: [], type: "Text/CSV; charset=utf-8", body: "a,b")
        #expect(input == #"{"body":"YSxi"}"#)
    }

    @Test(arguments: [
        ("0007", 7), ("-0", 0),
    ])
    func writesIntegersFromTheirValue(_ given: String, _ expected: Int) throws {
        let input = try assemble(Sample.search, query: "from=2026-11-21&limit=\(given)", type: nil)
        #expect(input.contains("\"limit\":\(expected)}"))
    }

    @Test(arguments: [
        ("{}", "{\"id\":\"\(id)\"}"), (" { } ", "{\"id\":\"\(id)\"} "), ("", "{\"id\":\"\(id)\"}"),
        ("{\"name\":\"x\"}", "{\"id\":\"\(id)\",\"name\":\"x\"}"),
        ("\n{ \"name\":\"}\"}", "{\"id\":\"\(id)\",\"name\":\"}\"}"),
    ])
    func joinsPathAndBody(_ body: String, _ expected: String) throws {
        #expect(
            try assemble(Sample.change, type: "application/merge-patch+json; charset=UTF-8", body: body) == expected
        )
    }

    @Test(arguments: [
        ("[1]", "422 | : must be an object"), ("\"x\"", "422 | : must be an object"), ("{", "400"), ("{}{}", "400"),
        ("{,}", "400"), ("{},\"x\":1}", "400"), ("x", "400"),
        ("{\"id\":\"\(other)\"}", "422 | /id: is not a known key"),
        ("{\"nope\":1}", "422 | /nope: is not a known key"),
    ])
    func refusesBodies(_ body: String, _ expected: String) throws {
        #expect(try refusal(Sample.change, body: body) == expected)
    }

    @Test func placesOfFaultsAreTheClients() throws {
        let problem = #expect(throws: Problem.self) { try assemble(Sample.change, body: #"{"name":tru}"#) }
        #expect(problem?.detail.hasSuffix("at byte 11.") == true)
    }

    @Test(arguments: [
        nil, "", "text/plain", "application/jsonp", "application/json; charset=latin1",
        "multipart/form-data; boundary=x",
    ])
    func refusesOtherMedia(_ type: String?) throws {
        #expect(try refusal(Sample.send, type: type, body: "{}") == "415")
    }

    /// Nothing is no JSON, whatever it is called.
    @Test(arguments: ["application/json", "text/plain", nil])
    func anEmptyBodyIsMalformedWhereOneIsNeeded(_ type: String?) throws {
        #expect(try refusal(Sample.send, path: [], type: type) == "400")
        #expect(try refusal(Sample.send, path: [], type: "application/json", body: "{}").hasPrefix("422"))
        // All that can be said is optional.
        #expect(try assemble(Sample.change, type: type) == "{\"id\":\"\(Self.id)\"}")
    }

    @Test func takesNoBodyWhereThereIsNone() throws {
        #expect(try refusal(Sample.search, query: "from=2026-11-21", body: #"{"a":1}"#) == "400")
    }

    @Test func wrapsARawBody() throws {
        let path = [(name: "provider", value: "stripe"), (name: "clinicId", value: Self.id)]
        let input = try assemble(Sample.hook, path: path, type: nil, body: "\u{0}{broken")
        #expect(input == #"{"provider":"stripe","body":"AHticm9rZW4="}"#)
        #expect(try refusal(Sample.hook, path: path, type: nil, body: String(repeating: "x", count: 17)) == "413")
    }
}

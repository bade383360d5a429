import Contracts
import Core
import Testing

@Suite struct SchemaTests {
    private func faults(_ json: String, _ schema: Schema) throws -> [String] {
        schema.violations(in: try JSONTape(bytes(json))).map { "\($0.pointer ?? "?"): \($0.detail)" }
    }

    @Test func describesMembersOptionalsAndLimits() throws {
        let properties = try Schema.of(Sample.Message.self).properties
        #expect(
            properties.map(\.name) == ["to", "channels", "template", "data", "copies", "urgent", "price", "nested"]
        )
        #expect(properties.map(\.isRequired) == [true, true, false, false, true, true, false, false])
    }

    @Test func acceptsWhatItsWriterWrites() throws {
        let message = Sample.Message(to: .init(), channels: [.sms], copies: 1, urgent: true)
        #expect(try Schema.of(Sample.Message.self).violations(in: JSONTape(JSONWriter.encode(message))).isEmpty)
    }

    @Test func tellsAllFaultsAtOnce() throws {
        let json = #"""
            {"to":{"email":"nobody","a/b~c":1,"phone":"+49 151"},"channels":[],"channels":["fax"],"template":"01234567890",
             "copies":10,"urgent":"yes","price":{"amount":1.5,"currency":"XXX"},"nested":[[1],[true]],"extra":1,
             "data":{"k":"\u0000","l":{"m":1,"m":2}}}
            """#
        #expect(
            try faults(json, Schema.of(Sample.Message.self)) == [
                "/to/email: \(EmailAddress.complaint)", "/to/a~1b~0c: is not a known key",
                "/to/phone: is not an E.164 number", "/channels: must have 1 to 4 items", "/channels: appears twice",
                "/channels/0: must be one of email, sms", "/template: must have 1 to 10 characters",
                "/copies: must be between 1 and 9", "/urgent: must be true or false",
                "/price/amount: must be a whole number", "/price/currency: is not an ISO 4217 currency",
                "/nested/1/0: must be a whole number", "/extra: is not a known key", "/data/k: must not contain U+0000",
                "/data/l/m: appears twice",
            ]
        )
    }

    @Test(
        arguments: [
            ("{}", ["/to: is required", "/channels: is required", "/copies: is required", "/urgent: is required"]),
            ("[]", [": must be an object"]), ("null", [": must not be null"]), ("\"x\"", [": must be an object"]),
            (#"{"to":{},"channels":["sms"],"copies":1,"urgent":true,"template":null}"#, []),
            (#"{"to":null,"channels":["sms"],"copies":1,"urgent":true}"#, ["/to: must not be null"]),
            (
                #"{"to":{},"channels":["sms"],"copies":99999999999999999999,"urgent":true}"#,
                ["/copies: must be a whole number"]
            ),
        ] as [(String, [String])]
    )
    func tellsShapeFaults(_ json: String, _ expected: [String]) throws {
        #expect(try faults(json, Schema.of(Sample.Message.self)) == expected)
    }

    @Test func freeNumbersCanBeCountedWith() throws {
        #expect(
            try faults(#"{"a":[1e400],"b":-1e999,"c":1e308,"d":12345678901234567890}"#, Schema(.any)) == [
                "/a/0: is too large a number", "/b: is too large a number",
            ]
        )
        #expect(try faults(#"{"a":1e400,"a":"\u0000"}"#, RawJSON.schema).isEmpty)
    }

    @Test func stopsAtFiftyFaults() throws {
        let keys = (0..<200).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(try faults("{\(keys)}", Schema.of(Sample.Message.self)).count == 50)
    }

    /// Objects with free keys and with known ones.
    private func objects() throws -> [Schema] {
        let recipient = try Schema.of(Sample.Recipient.self)
        return [Schema(.map(of: recipient, count: 0...Int.max)), Schema(.any), recipient]
    }

    @Test func aLongKeyIsOneFaultAndNotRepeated() throws {
        let long = String(repeating: "~", count: Schema.longestKey + 1)
        let wrong = (0..<60).map { "\"k\($0)\":1e400" }.joined(separator: ",")
        let many = (0..<60).map { "\"\(long)\($0)\":{}" }.joined(separator: ",")
        for schema in try objects() {
            #expect(try faults("{\"\(long)\":{\(wrong)}}", schema) == [": \(Schema.longKeyComplaint)"])
            #expect(try faults("{\(many)}", schema).count == Schema.mostFaults)
        }
    }

    @Test func aKeyAtTheBoundIsToldWithWhatIsWrongBelow() throws {
        let key = String(repeating: "~", count: Schema.longestKey)
        let step = "/" + String(repeating: "~0", count: Schema.longestKey)
        let wrong = (0..<60).map { "\"k\($0)\":1e400" }.joined(separator: ",")
        for schema in try objects().prefix(2) {
            for written in [key, String(repeating: "\\u007e", count: Schema.longestKey)] {
                #expect(try faults("{\"\(written)\":{}}", schema) == [])
            }
            let found = schema.violations(in: try JSONTape(bytes("{\"\(key)\":{\(wrong)}}")))
            #expect(found.compactMap(\.pointer) == (0..<Schema.mostFaults).map { "\(step)/k\($0)" })
            #expect(Problem.invalid(found).body(instance: RequestID()).count < 64 << 10)
        }
    }

    @Test func whatIsWrongFarBelowIsToldWhereAPointerStillLeads() throws {
        let key = String(repeating: "~", count: Schema.longestKey)
        let deep = String(repeating: "{\"\(key)\":", count: 10) + "1e400" + String(repeating: "}", count: 10)
        let pointer = try #require(Schema(.any).violations(in: try JSONTape(bytes(deep))).first?.pointer)
        let step = "/" + String(repeating: "~0", count: Schema.longestKey)
        #expect(pointer == step + step && pointer.utf8.count + step.utf8.count > Schema.longestPointer)
    }

    @Test func aMergePatchTakesNullOnlyWhereItClears() throws {
        let schema = try Sample.change.inputSchema
        let id = PatientID()
        #expect(try faults("{\"id\":\"\(id)\",\"phone\":null}", schema) == [])
        #expect(try faults("{\"id\":\"\(id)\",\"name\":null}", schema) == ["/name: must not be null"])
    }

    @Test func refusesTypesItCannotDescribe() {
        final class Tree: Wire {
            let left: Tree?
        }
        enum Payload: Wire { case a(Int) }
        struct WrongLimit: Wire {
            var a: Int
            static var limits: [Limit] { [.length(CodingKeys.a, 1...2)] }
        }
        struct Single: Wire {
            init(from decoder: any Decoder) throws { _ = try decoder.singleValueContainer() }
            func encode(to encoder: any Encoder) throws {}
        }
        #expect(throws: SchemaError.self) { try Schema.of(Tree.self) }
        #expect(throws: SchemaError.self) { try Schema.of(WrongLimit.self) }
        #expect(throws: SchemaError.self) { try Schema.of(Single.self) }
        #expect(throws: (any Error).self) { try Schema.of(Payload.self) }
    }

    @Test(
        arguments: [
            ("00:00", 0), ("08:30", 510), ("23:59", 1_439), ("24:00", 1_440), ("24:01", nil), ("25:00", nil),
            ("8:30", nil),
            ("08:60", nil), ("08-30", nil), ("0８:30", nil),
        ] as [(String, Int?)]
    )
    func readsTimesOfDay(_ text: String, _ minutes: Int?) {
        #expect(TimeOfDay(text)?.minutes == minutes)
        if minutes != nil { #expect(TimeOfDay(text)?.description == text) }
    }

    /// Clients check by the pattern what the server checks by reading.
    @Test func thePatternOfTimesIsWhatIsRead() throws {
        guard case .string(let rule) = TimeOfDay.schema.kind else {
            Issue.record("is no text")
            return
        }
        let pattern = try Regex(try #require(rule.pattern))
        for hour in 0..<30 {
            for minute in 0..<70 {
                let text = "\(padded(hour, 2)):\(padded(minute, 2))"
                #expect((text.wholeMatch(of: pattern) != nil) == (TimeOfDay(text) != nil), "\(text)")
            }
        }
    }

    @Test func placeholdersAreValid() throws {
        func check<Value: Documented>(_: Value.Type) throws {
            #expect(Value.schema.violations(in: try JSONTape(JSONWriter.encode(Value.placeholder))).isEmpty)
            if let example = Value.schema.example {
                #expect(Value.schema.violations(in: try JSONTape(bytes(example))).isEmpty, "\(Value.self)")
            }
        }
        for type: any Documented.Type in [
            ClinicID.self, Instant.self, CalendarDate.self, TimeOfDay.self, Currency.self, Money.self,
            EmailAddress.self,
            PhoneNumber.self, Slug.self, TimeZoneName.self, Permission.self, RawBody.self, JSONValue.self,
        ] { try check(type) }
    }
}

import Contracts
import Core
import Foundation
import Testing

/// Damaged texts, the same in every run: nothing traps, and what is taken can be written and read again.
@Suite struct JSONFuzzTests {
    private static let seeds: [String] = [
        #"{"to":{"email":"ada@example.org","phone":"+4915112345678"},"channels":["email","sms"],"template":"reminder","#
            + #""data":{"a":[1,-2.5e3,null,true,"\u00e9\ud83d\ude00\n"],"b":{}},"copies":3,"urgent":false,"#
            + #""price":{"amount":150000,"currency":"EUR"},"nested":[[1,2],[]]}"#,
        #"[0,-0,1e-7,1E+30,123456789012345678901234567890,"\\\"\/\b\f\n\r\t",{"":{"":[[[[]]]]}}]"#,
    ]

    @Test(arguments: 0..<8) func damagedTextsAreRefusedOrMeanSomething(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        let schema = try Schema.of(Sample.Message.self)
        var taken = 0
        for _ in 0..<4_000 {
            let json = Self.damaged(&random)
            guard let tape = try? JSONTape(json) else { continue }
            taken += 1
            let faults = schema.violations(in: tape)
            #expect(faults.count <= Schema.mostFaults)
            // What the schema lets through can be decoded: the service does not look again.
            if faults.isEmpty { #expect(throws: Never.self) { try tape.decode(Sample.Message.self) } }
            if let canonical = try? JSONWriter.canonical(json: json) {
                #expect(try JSONWriter.canonical(json: canonical) == canonical)
            }
        }
        #expect(taken > 100, "most of the damage must not be so heavy that nothing is tested")
    }

    /// An independent reader takes whatever ours takes.
    @Test(arguments: 100..<104) func foundationTakesWhatWeTake(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        for _ in 0..<2_000 {
            let json = Self.damaged(&random)
            guard (try? JSONTape(json)) != nil else { continue }
            // Foundation refuses numbers beyond its range; that is a matter of meaning, not of form.
            let text = String(decoding: json, as: UTF8.self)
            guard text.firstMatch(of: /[0-9]{17}|[eE]/) == nil else { continue }
            #expect(throws: Never.self, "\(text)") {
                _ = try JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)
            }
        }
    }

    private static func damaged(_ random: inout Seeded) -> [UInt8] {
        var json = Array(seeds[Int.random(in: 0..<seeds.count, using: &random)].utf8)
        let marks = Array("{}[]\",:\\0123456789eE+-.tfnu \u{0}\u{1f}".utf8) + [0x80, 0xC0, 0xED, 0xFF]
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let place = Int.random(in: 0..<json.count, using: &random)
            let mark = marks[Int.random(in: 0..<marks.count, using: &random)]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: json[place] = mark
            case 1: json.insert(mark, at: place)
            case 2: json.remove(at: place)
            default: json.removeSubrange(place..<min(json.count, place + Int.random(in: 1...6, using: &random)))
            }
            if json.isEmpty { json = [mark] }
        }
        return json
    }

    /// SplitMix64.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return word ^ word >> 31
        }
    }
}

import Contracts
import Core
import Testing

@testable import Communication

/// Our signatures against AWS's published suite, botocore's, and a vector worked out by hand.
@Suite struct SigV4Tests {
    /// AWS's test suite: canonical request, string to sign and header, for each of its requests.
    @Test func theTestSuiteOfAWS() throws {
        guard case .array(let cases) = try ProviderSamples.recorded("sigv4_suite.json")["cases"] else {
            Issue.record("no cases")
            return
        }
        #expect(cases.count == 34)
        let signer = SigV4(
            accessKeyID: "AKIDEXAMPLE",
            secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1",
            service: "service"
        )
        let time = try #require(Instant(rfc3339: "2015-08-30T12:36:00Z"))
        for item in cases {
            let name = item["name"]?.string ?? ""
            let wanted = try #require(item["authorization"]?.string)
            let signed = try #require(wanted.split(separator: "SignedHeaders=").last?.split(separator: ",").first)
            let request = try request(try #require(item["request"]?.string), signing: signed.split(separator: ";"))
            #expect(request.canonical == item["canonical"]?.string, "\(name)")
            #expect(signer.stringToSign(request, at: time) == item["toSign"]?.string, "\(name)")
            #expect(signer.authorization(request, at: time) == wanted, "\(name)")
        }
    }

    @Test func theSameSignaturesAsBotocore() throws {
        let recorded = try ProviderSamples.recorded("sigv4_botocore.json")
        guard case .array(let cases) = recorded["cases"] else {
            Issue.record("no cases")
            return
        }
        #expect(cases.count == 16)
        for item in cases {
            func text(_ key: String) throws -> String { try #require(item[key]?.string) }
            let stamp = Array(try text("at"))
            let day = "\(String(stamp[0..<4]))-\(String(stamp[4..<6]))-\(String(stamp[6..<8]))"
            let clock = "\(String(stamp[9..<11])):\(String(stamp[11..<13])):\(String(stamp[13..<15]))"
            let signer = SigV4(
                accessKeyID: try #require(recorded["accessKeyId"]?.string),
                secretAccessKey: Secret(try #require(recorded["secretAccessKey"]?.string)),
                region: try text("region"),
                service: try text("service")
            )
            let parts = try text("url").split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
            let target = "/" + parts[3]
            var head = ["\(try text("method")) \(target) HTTP/1.1", "Host:\(parts[2])", "X-Amz-Date:\(String(stamp))"]
            if case .object(let headers) = item["headers"] {
                head += headers.map { "\($0.key):\($0.value.string ?? "")" }
            }
            let request = try request(head.joined(separator: "\n") + "\n\n" + text("body"), signing: nil)
            let time = try #require(Instant(rfc3339: "\(day)T\(clock)Z"))
            #expect(signer.authorization(request, at: time) == item["authorization"]?.string, "\(target)")
        }
    }

    @Test func aSendEmailWorkedOutByHand() {
        let body = """
            {"FromEmailAddress":"a@clinic.example","Destination":{"ToAddresses":["b@patient.example"]},"Content":{"Simple":\
            {"Subject":{"Data":"Hi"},"Body":{"Text":{"Data":"Hello"}}}}}
            """
        let request = SigV4.Request(
            method: "POST",
            path: "/v2/email/outbound-emails",
            headers: [
                ("content-type", "application/json"), ("host", "email.ap-south-1.amazonaws.com"),
                ("x-amz-date", "20260101T000000Z"),
            ],
            body: Array(body.utf8)
        )
        let signer = SigV4(
            accessKeyID: "AKIDEXAMPLE",
            secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "ap-south-1",
            service: "ses"
        )
        let time = Instant(seconds: 1_767_225_600)
        #expect(
            signer.authorization(request, at: time).hasSuffix(
                "SignedHeaders=content-type;host;x-amz-date, "
                    + "Signature=4afd1cd90d37b9d5e79cfda49cbf50e3b24cd6861348a39fc3528b3900f837c1"
            )
        )
        #expect(
            signer.stringToSign(request, at: time).hasSuffix(
                "\n6cbeed8d3cc2f2f379ea4b332e27f54595819878a5ad6ba5df24566ea85de7d2"
            )
        )
        #expect(!"\(signer)".contains("wJalr"))
    }

    /// Reads a request as it stands on the wire; `names` are the headers that are signed, all when `nil`.
    private func request(_ text: String, signing names: [Substring]?) throws -> SigV4.Request {
        let halves = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
        var lines = halves[0].split(separator: "\n").map(String.init)
        let first = lines.removeFirst().dropLast(" HTTP/1.1".count)
        let method = try #require(first.split(separator: " ").first)
        let target = first.dropFirst(method.count + 1).split(
            separator: "?",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var headers: [(name: String, value: String)] = []
        for line in lines {
            if line.hasPrefix(" ") {
                headers[headers.count - 1].value += line
            } else {
                let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                headers.append((String(pair[0]), String(pair[1])))
            }
        }
        let query = try (target.count == 2 ? target[1].split(separator: "&") : []).map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let texts = try halves.map { try #require(PercentCoding.decode($0, plusIsSpace: false)) }
            return (name: texts[0], value: texts.count == 2 ? texts[1] : "")
        }
        return SigV4.Request(
            method: String(method),
            path: String(target[0]),
            query: query,
            headers: headers.filter { names?.contains(Substring($0.name.lowercased())) ?? true },
            body: halves.count == 2 ? Array(halves[1].utf8) : []
        )
    }
}

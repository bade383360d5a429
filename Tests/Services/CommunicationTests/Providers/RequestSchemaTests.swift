import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Our requests have the form that the providers themselves publish, in what their own clients carry.
@Suite struct RequestSchemaTests {
    private func schema(of provider: String) throws -> JSONValue {
        try #require(try ProviderSamples.recorded("request_schemas.json")[provider]?["schema"])
    }

    /// Where a value is not what the schema has there, and why.
    private func faults(_ value: JSONValue, _ schema: JSONValue, at place: String = "") -> [String] {
        if case .object(let members)? = schema["members"] {
            guard case .object(let values) = value else { return ["\(place) is no object"] }
            let missing = (schema["required"]?.list ?? []).compactMap(\.string).filter { values[$0] == nil }
            return missing.map { "\(place)/\($0) is missing" }
                + values.sorted { $0.key < $1.key }.flatMap { name, value in
                    members[name].map { faults(value, $0, at: "\(place)/\(name)") } ?? ["\(place)/\(name) is unknown"]
                }
        }
        if let each = schema["map"] {
            guard case .object(let values) = value else { return ["\(place) is no map"] }
            return values.flatMap { faults($1, each, at: "\(place)/\($0)") }
        }
        if let each = schema["list"] {
            guard case .array(let values) = value else { return ["\(place) is no list"] }
            return values.flatMap { faults($0, each, at: "\(place)/-") }
        }
        let isKind =
            switch (schema["type"]?.string, value) {
            case ("string", .string), ("boolean", .bool), ("number", .integer), ("number", .number): true
            default: false
            }
        guard isKind else { return ["\(place) is no \(schema["type"]?.string ?? "such thing")"] }
        if let known = schema["enum"]?.list, !known.contains(value) {
            return ["\(place) is none of those that are known"]
        }
        return []
    }

    private func body(_ call: ProviderCall) throws -> JSONValue { try JSONTape(call.body).decode(JSONValue.self) }

    @Test func mailsAreWhatAWSPublishes() throws {
        let schema = try schema(of: AWSSESProvider.name)
        let settings: [String: JSONValue] = ["region": "eu-west-1", "configurationSet": "clinic-1"]
        let credentials = ProviderSamples.credentials(settings)
        let provider = try #require(AWSSESProvider(credentials, through: ProviderSamples.transports()))
        var files = try ProviderSamples.emailWithFiles()
        files.unsubscribeLink = "https://clinic.example/api/v1/public/unsubscribe/t0"
        for email in [try ProviderSamples.email(full: false), try ProviderSamples.email(), files] {
            let body = try body(provider.sending(email, at: ProviderSamples.time))
            #expect(faults(body, schema) == [])
        }
        let simple = try body(provider.sending(files, at: ProviderSamples.time))["Content"]?["Simple"]
        #expect(simple?["Attachments"]?.list.count == 2 && simple?["Headers"]?.list.count == 6)
        // Without it AWS takes a file for seven-bit text.
        let encodings = simple?["Attachments"]?.list.map { $0["ContentTransferEncoding"]?.string }
        #expect(encodings == ["BASE64", "BASE64"])
        // What is not there is seen.
        #expect(faults(["Content": ["Simple": ["Subject": ["Data": 1], "Title": "x"]]], schema).count == 3)
    }

    @Test func noticesAreWhatGooglePublishes() throws {
        let schema = try schema(of: FCMProvider.name)
        let provider = try #require(FCMProvider(try FCMTests.credentials(), through: ProviderSamples.transports()))
        for push in [ProviderSamples.push(), ProviderSamples.push(full: true)] {
            let call = try provider.sending(push, token: Secret("ya29.secret"), at: ProviderSamples.time)
            #expect(faults(try body(call), schema) == [])
        }
        #expect(faults(["message": ["android": ["priority": 1], "text": "x"]], schema).count == 2)
        #expect(faults(["message": ["android": ["notification": ["visibility": "no"]]]], schema).count == 1)
    }
}

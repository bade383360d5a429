import Contracts
import Core
import Testing

@Suite struct OpenAPIDocumentTests {
    private func document() throws -> JSONValue {
        try JSONTape(OpenAPIDocument.json(endpoints: Sample.all, publicURL: "https://clinic.example"))
            .decode(JSONValue.self)
    }

    @Test func publicOperationsSaySo() throws {
        let paths = try document()["paths"]
        #expect(paths?["/.well-known/jwks.json"]?["get"]?["security"] == [])
        let hook = paths?["/api/v1/webhooks/billing/{provider}/{clinicId}"]?["post"]
        #expect(hook?["security"] == [])
        #expect(hook?["x-permission"] == nil)
        let send = paths?["/api/v1/communication/messages"]?["post"]
        #expect(send?["security"] == nil)
        #expect(send?["x-permission"] == "messages:send")
        #expect(paths?["/api/v1/billing/invoices/{id}.pdf"]?["get"]?["x-permission"] == "signed_in")
        #expect(paths?["/api/v1/internal/changes"] == nil)
    }

    @Test func schemasCarryFormatsLimitsAndExamples() throws {
        let schemas = try document()["components"]?["schemas"]
        let message = schemas?["Message"]
        #expect(message?["additionalProperties"] == false)
        #expect(message?["required"] == ["to", "channels", "copies", "urgent"])
        #expect(message?["properties"]?["channels"]?["minItems"] == 1)
        #expect(message?["properties"]?["copies"]?["maximum"] == 9)
        #expect(message?["properties"]?["copies"]?["description"] == "How many.")
        #expect(message?["properties"]?["template"]?["examples"] == ["reminder"])
        #expect(message?["properties"]?["to"]?["$ref"] == "#/components/schemas/Recipient")
        #expect(schemas?["RecipientPage"]?["required"] == ["items", "nextCursor"])
        #expect(schemas?["Problem"] != nil)
    }

    @Test func headersAndResponsesFollowTheDeclaration() throws {
        let paths = try document()["paths"]
        func headers(_ path: String, _ verb: String) -> Set<String> {
            guard case .array(let list) = paths?[path]?[verb]?["parameters"] else { return [] }
            return Set(list.filter { $0["in"] == "header" }.compactMap { $0["name"]?.string })
        }
        #expect(headers("/api/v1/communication/messages", "post") == ["X-Clinic-Id", "Idempotency-Key"])
        #expect(headers("/api/v1/patients/{id}", "patch") == ["X-Clinic-Id", "If-Match"])
        #expect(headers("/api/v1/webhooks/billing/{provider}/{clinicId}", "post") == [])
        #expect(headers("/.well-known/jwks.json", "get") == [])
        let responses = paths?["/api/v1/communication/messages"]?["post"]?["responses"]
        #expect(responses?["202"]?["content"]?["application/json"] != nil)
        #expect(responses?["409"]?["description"] == "channel_not_configured, request_in_progress")
        let slots = paths?["/api/v1/doctors/{id}/slots"]?["get"]
        #expect(slots?["responses"]?["200"]?["content"]?["application/x-ndjson"] != nil)
        #expect(slots?["requestBody"] == nil)
        let change = paths?["/api/v1/patients/{id}"]?["patch"]
        #expect(change?["requestBody"]?["content"]?["application/merge-patch+json"] != nil)
        #expect(
            paths?["/api/v1/billing/invoices/{id}.pdf"]?["get"]?["responses"]?["200"]?["content"]?["application/pdf"]
                != nil
        )
    }

    @Test func furtherStatusesAndLongBodiesAreDeclared() throws {
        let endpoint = Endpoint<Sample.Message, Sample.Recipient>(
            "messages.replace",
            .POST,
            "/messages/replace",
            service: .communication,
            guard: .signedIn,
            furtherStatuses: [201],
            audit: .change,
            mostBytes: 2_000_000,
            summary: "Replace a message"
        )
        let bytes = try OpenAPIDocument.json(endpoints: [endpoint], publicURL: "https://clinic.example")
        let operation = try JSONTape(bytes).decode(JSONValue.self)["paths"]?["/api/v1/messages/replace"]?["post"]
        #expect(operation?["requestBody"]?["description"] == "At most 2000000 bytes.")
        for status in ["200", "201"] {
            #expect(operation?["responses"]?[status]?["content"]?["application/json"] != nil)
        }
        #expect(try document()["paths"]?["/api/v1/communication/messages"]?["post"]?["responses"]?["201"] == nil)
    }

    @Test func operationsOfOnePathAreOne() throws {
        for both in [[Sample.send, Sample.sheet], [Sample.sheet, Sample.send]] as [[any EndpointDescription]] {
            let bytes = try OpenAPIDocument.json(endpoints: both, publicURL: "https://clinic.example")
            let document = try JSONTape(bytes).decode(JSONValue.self)
            let operation = document["paths"]?["/api/v1/communication/messages"]?["post"]
            #expect(operation?["operationId"] == "messages.send")
            let content = operation?["requestBody"]?["content"]
            #expect(content?["application/json"] != nil && content?["text/csv"] != nil)
            #expect(operation?["responses"]?["202"] != nil && operation?["responses"]?["204"] != nil)
        }
    }

    /// What can be changed has a version, which a client may say that it has.
    @Test func whatHasAVersionMayBeKnown() throws {
        let read = Endpoint<Sample.Removal, Sample.Recipient>(
            "patients.read",
            .GET,
            "/patients/{id}",
            service: .appointments,
            guard: .signedIn,
            audit: .read,
            summary: "One patient"
        )
        for (endpoints, isKnown) in [([read, Sample.change], true), ([read], false)]
            as [([any EndpointDescription], Bool)]
        {
            let bytes = try OpenAPIDocument.json(endpoints: endpoints, publicURL: "https://clinic.example")
            let operation = try JSONTape(bytes).decode(JSONValue.self)["paths"]?["/api/v1/patients/{id}"]?["get"]
            #expect((operation?["responses"]?["304"] != nil) == isKnown)
            guard case .array(let parameters) = operation?["parameters"] else {
                Issue.record("no parameters")
                continue
            }
            #expect(parameters.contains { $0["name"] == "If-None-Match" } == isKnown)
        }
    }

    /// Two operations that answer with the same status, each in its own words.
    @Test func whatOperationsOfOnePathGiveIsEither() throws {
        func endpoint<Input: Wire, Output: Wire>(
            _ name: String,
            _: Input.Type,
            _: Output.Type,
            _ body: BodyKind
        ) -> any EndpointDescription {
            Endpoint<Input, Output>(
                name,
                .POST,
                "/messages/sheet",
                service: .communication,
                guard: .signedIn,
                audit: .change,
                body: body,
                summary: "Take in messages"
            )
        }
        let both = [
            endpoint("messages.one", Sample.Message.self, Sample.Recipient.self, .json),
            endpoint("messages.many", Sample.Sheet.self, Sample.Message.self, .raw(maxBytes: 100, media: ["text/csv"])),
        ]
        let bytes = try OpenAPIDocument.json(endpoints: both, publicURL: "https://clinic.example")
        let operation = try JSONTape(bytes).decode(JSONValue.self)["paths"]?["/api/v1/messages/sheet"]?["post"]
        let schema = operation?["responses"]?["200"]?["content"]?["application/json"]?["schema"]
        guard case .array(let either) = schema?["anyOf"] else {
            Issue.record("no choice")
            return
        }
        #expect(either.count == 2)
    }

    /// What the path says wrongly is not there, and nothing else of these can be wrong.
    @Test func aPathAloneIsNeverInvalid() throws {
        let bytes = try OpenAPIDocument.json(endpoints: [Sample.removal], publicURL: "https://clinic.example")
        let operation = try JSONTape(bytes).decode(JSONValue.self)["paths"]?["/api/v1/patients/{id}"]?["delete"]
        #expect(operation?["responses"]?["404"] != nil && operation?["responses"]?["422"] == nil)
    }

    @Test func everyReferenceLeadsSomewhere() throws {
        let whole = try document()
        guard case .object(let schemas) = whole["components"]?["schemas"] else {
            Issue.record("no components")
            return
        }
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let members):
                members.flatMap { $0.key == "$ref" ? [$0.value.string ?? ""] : references($0.value) }
            case .array(let elements): elements.flatMap(references)
            default: []
            }
        }
        for reference in references(whole) {
            #expect(schemas[String(reference.dropFirst("#/components/schemas/".count))] != nil, "\(reference)")
        }
    }

    @Test func thePageNamesEveryPublicOperationAndLoadsNothing() throws {
        let page = try DocsPage.html(endpoints: Sample.all, publicURL: "https://<clinic>.example")
        for endpoint in Sample.all where !endpoint.isInternal { #expect(page.contains("id=\"\(endpoint.name)\"")) }
        #expect(!page.contains("policy.changes"))
        #expect(page.contains("https://&lt;clinic&gt;.example"))
        for loader in ["<script", "<link", "src=", "@import", "url("] { #expect(!page.contains(loader)) }
    }
}

import Core

/// One operation of the document.
struct OperationObject {
    private let endpoint: any EndpointDescription
    private let input: Schema
    private let inPath: [String]
    private let hasJSONBody: Bool
    /// Whether what it gives has a version, by which a client can say that it has it already.
    private let mayBeKnown: Bool

    /// - Parameter isVersioned: whether a change of what stands at the path heeds `If-Match`.
    init(_ endpoint: any EndpointDescription, isVersioned: Bool) throws {
        self.endpoint = endpoint
        mayBeKnown = isVersioned && endpoint.verb == .GET
        input = try endpoint.inputSchema
        inPath = endpoint.pathParameters
        hasJSONBody = endpoint.body == .json || endpoint.body == .mergePatch
    }

    func json(_ components: inout SchemaComponents) throws -> JSONValue {
        var members: [String: JSONValue] = [
            "operationId": .string(endpoint.name), "summary": .string(endpoint.summary),
            "tags": [.string(endpoint.service.rawValue)], "responses": .object(try responses(&components)),
        ]
        let parameters = self.parameters(&components)
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let body = requestBody(&components) { members["requestBody"] = body }
        if endpoint.guard.isPublic {
            members["security"] = []
        } else {
            members["x-permission"] = .string(endpoint.guard.name)
            if !endpoint.asksWithin.isEmpty {
                members["x-permissions-within"] = .array(endpoint.asksWithin.map { .string($0.name) })
            }
        }
        return .object(members)
    }

    // MARK: - Input

    private func isInQuery(_ property: ObjectRule.Property) -> Bool {
        !inPath.contains(property.name) && !property.schema.isRawBody
            && (!hasJSONBody || endpoint.query.contains(property.name))
    }

    private func parameters(_ components: inout SchemaComponents) -> [JSONValue] {
        var list: [JSONValue] = []
        for name in inPath {
            // A parameter the input leaves out is the clinic's id, which the request carries by itself.
            var schema = input.properties.first { $0.name == name }?.schema ?? Self.identifier
            list.append(Self.parameter(name, in: "path", isRequired: true, &schema, &components))
        }
        for property in input.properties where isInQuery(property) {
            var schema = property.schema
            schema.isNullable = false
            list.append(
                Self.parameter(property.name, in: "query", isRequired: property.isRequired, &schema, &components)
            )
        }
        return list + headers(&components)
    }

    private func headers(_ components: inout SchemaComponents) -> [JSONValue] {
        var list: [JSONValue] = []
        func add(_ name: String, _ text: String, isRequired: Bool = false, format: String? = nil) {
            var schema = Schema(.string(StringRule(format: format)), text: text)
            list.append(Self.parameter(name, in: "header", isRequired: isRequired, &schema, &components))
        }
        if case .header = endpoint.tenancy {
            add("X-Clinic-Id", "The clinic; needed when the caller belongs to several.", format: "uuid")
        }
        if endpoint.idempotent {
            add("Idempotency-Key", "The same key and body replay the first reply for 24 hours.")
        }
        switch endpoint.precondition {
        case .none: break
        case .honoured: add("If-Match", "The ETag of the version to change; 412 when there is a newer one.")
        case .required: add("If-Match", "The ETag of the version to change; the first PUT says If-None-Match: *.")
        }
        if endpoint.makesFirst { add("If-None-Match", "* for what is not there yet; 412 when it is.") }
        if mayBeKnown { add("If-None-Match", "The ETag of what the client has; 304 when that is the present one.") }
        return list
    }

    private static let identifier = Schema.string(format: "uuid")

    private static func parameter(
        _ name: String,
        in place: String,
        isRequired: Bool,
        _ schema: inout Schema,
        _ components: inout SchemaComponents
    ) -> JSONValue {
        let text = schema.text
        schema.text = nil
        var members: [String: JSONValue] = [
            "name": .string(name), "in": .string(place), "schema": schema.json(&components),
        ]
        if isRequired { members["required"] = true }
        if let text { members["description"] = .string(text) }
        return .object(members)
    }

    private func requestBody(_ components: inout SchemaComponents) -> JSONValue? {
        switch endpoint.body {
        case .none: return nil
        case .raw(let most, let media), .streamed(let most, let media):
            return Self.binary(media.isEmpty ? ["*/*"] : media, most: most)
        case .json, .mergePatch:
            guard case .object(var rule) = input.kind else { return nil }
            rule.properties.removeAll { inPath.contains($0.name) || endpoint.query.contains($0.name) }
            guard !rule.properties.isEmpty else { return nil }
            let schema = Schema(.object(rule)).json(&components)
            let media = endpoint.body == .json ? "application/json" : "application/merge-patch+json"
            var members: [String: JSONValue] = [
                "required": .bool(rule.properties.contains(where: \.isRequired)),
                "content": .object([media: ["schema": schema]]),
            ]
            if let most = endpoint.mostBytes { members["description"] = Self.size(most) }
            return .object(members)
        }
    }

    private static func binary(_ media: [String], most: Int) -> JSONValue {
        let binary: JSONValue = ["schema": ["type": "string", "format": "binary"]]
        let content = Dictionary(media.map { ($0, binary) }) { first, _ in first }
        return ["required": true, "content": .object(content), "description": size(most)]
    }

    private static func size(_ most: Int) -> JSONValue { .string("At most \(most) bytes.") }

    // MARK: - Output

    private func responses(_ components: inout SchemaComponents) throws -> [String: JSONValue] {
        var responses: [String: JSONValue] = [:]
        for status in endpoint.successStatuses {
            responses[String(status)] = .object(try success(status, &components))
        }
        if mayBeKnown { responses["304"] = ["description": "The client has it already."] }
        for (status, codes) in refusals {
            responses[String(status)] = [
                "description": .string(codes.sorted().joined(separator: ", ")),
                "content": ["application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]],
            ]
        }
        return responses
    }

    private func success(_ status: Int, _ components: inout SchemaComponents) throws -> [String: JSONValue] {
        var members: [String: JSONValue] = ["description": "Done."]
        if status != 204, let schema = try endpoint.outputSchema {
            var content: [String: JSONValue] = [:]
            for media in endpoint.successMedia {
                content[media] = ["schema": media == "application/json" ? schema.json(&components) : ["type": "string"]]
            }
            members["content"] = .object(content)
        }
        return members
    }

    /// Statuses of refusal with their codes: the conventions' and the operation's own.
    private var refusals: [Int: Set<String>] {
        var codes: [Int: Set<String>] = [
            400: ["malformed"], 406: ["not_acceptable"], 414: ["target_too_long"], 429: ["rate_limited"],
            431: ["headers_too_large"], 500: ["internal"], 503: ["unavailable"], 504: ["reply_timeout"],
        ]
        // A provider that sends too many is asked to repeat them: some never repeat what got a 429.
        if case .signature = endpoint.guard { codes[429] = nil }
        func add(_ status: Int, _ code: String) { codes[status, default: []].insert(code) }
        if !endpoint.guard.isPublic { add(401, "unauthenticated") }
        if endpoint.guard.permission != nil { add(403, "forbidden") }
        // A clinic that the caller does not belong to is not there, whether the path or the header names it.
        if !inPath.isEmpty || endpoint.guard.permission != nil { add(404, "not_found") }
        if endpoint.body != .none {
            add(413, "too_large")
            let isTold = hasJSONBody || endpoint.body.isStreamed || !endpoint.body.rawMedia.isEmpty
            if isTold { add(415, "unsupported_media_type") }
            add(408, "request_timeout")
        }
        // What the path names wrongly is not there.
        if input.properties.contains(where: { !inPath.contains($0.name) }) { add(422, "invalid") }
        if endpoint.idempotent {
            add(409, "request_in_progress")
            add(422, "idempotency_key_reused")
        }
        switch endpoint.precondition {
        case .none: break
        case .honoured: add(412, "precondition_failed")
        case .required:
            add(412, "precondition_failed")
            add(428, "precondition_required")
        }
        for error in endpoint.errors { add(error.status, error.code) }
        return codes
    }
}

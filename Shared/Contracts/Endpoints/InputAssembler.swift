package import Core

/// Makes one JSON object of a request's path, query and body, and checks it: what a service gets is valid.
package struct InputAssembler: Sendable {
    private enum Place { case path, query, body }

    private let kind: BodyKind
    private let schema: Schema
    private let properties: [String: ObjectRule.Property]
    private let places: [String: Place]
    private let rawMember: String?
    /// Whether the body is not ours to read.
    private let takesBytes: Bool
    /// Whether there are members that only a body can bring.
    private let needsBody: Bool
    /// What a refusal names beside the operation's own media types.
    private let otherMedia: [String]
    /// What a provider adds to the address of its webhook says nothing to us, and what it signs is looked at later.
    private let ignoresUnknownParameters: Bool

    /// Throws `SchemaError` when the input cannot be described or a path parameter is of a kind no path can hold.
    ///
    /// - Parameter otherMedia: types that another operation takes at the same method and path.
    package init(_ endpoint: any EndpointDescription, otherMedia: [String] = []) throws {
        self.otherMedia = otherMedia
        ignoresUnknownParameters = if case .signature = endpoint.guard { true } else { false }
        let schema = try endpoint.inputSchema
        self.schema = schema
        kind = endpoint.body
        properties = Dictionary(uniqueKeysWithValues: schema.properties.map { ($0.name, $0) })
        rawMember = schema.properties.first { $0.schema.isRawBody }?.name
        takesBytes =
            switch endpoint.body {
            case .raw, .streamed: true
            case .none, .json, .mergePatch: false
            }
        if takesBytes, rawMember == nil {
            throw SchemaError("\(endpoint.name): takes a raw body but has no RawBody")
        }
        let inPath = Set(endpoint.pathParameters)
        let inQuery = Set(endpoint.query)
        let hasBody =
            switch endpoint.body {
            case .json, .mergePatch: true
            case .none, .raw, .streamed: false
            }
        let places: [String: Place] = Dictionary(
            uniqueKeysWithValues: schema.properties.map { property in
                if inPath.contains(property.name) { return (property.name, .path) }
                return (property.name, hasBody && !inQuery.contains(property.name) ? .body : .query)
            }
        )
        self.places = places
        needsBody = schema.properties.contains { $0.isRequired && places[$0.name] == .body }
        if let unknown = inQuery.first(where: { properties[$0] == nil }) {
            throw SchemaError("\(endpoint.name): has no member \(unknown) for the query")
        }
    }

    /// Gives the input's JSON.
    ///
    /// Throws 400 for a malformed body or query, or none where one is needed, 404 for a path that can lead to nothing, 413 for a raw body past its bound,
    /// 415 for a media type that is not taken, and 422 with all faults, each with the body's pointer or the parameter's
    /// name.
    package func assemble(
        path: [(name: String, value: String)],
        query: (some StringProtocol)?,
        contentType: String?,
        body: [UInt8]
    ) throws(Problem) -> [UInt8] {
        let bodyBytes = try accepted(body, contentType)
        var faults: [Problem.Fault] = []
        var front: [UInt8] = []
        for (name, value) in path {
            guard let property = properties[name] else { continue }
            Self.append(name, Self.literal(value, property.schema), to: &front)
        }
        if let query { try append(query: query, to: &front, &faults) }
        if let rawMember, takesBytes {
            Self.append(rawMember, JSONWriter.quoted(Base64.encode(body)), to: &front)
        }
        var input = try Self.joined(front, bodyBytes)
        var violations = schema.violations(in: try Self.parsed(input, body: bodyBytes))
        if let bodyBytes, violations.contains(where: isRepeated) {
            let (kept, strangers) = try told(apartFrom: path, in: bodyBytes)
            input = try Self.joined(front, kept)
            violations = schema.violations(in: try Self.parsed(input, body: bodyBytes))
            faults += strangers
        }
        // Nobody has an id that is none.
        if violations.contains(where: leadsNowhere) { throw .notFound }
        // Nothing is no JSON; where nothing need be said it stands for an empty object.
        if needsBody, body.isEmpty { throw .malformed("This operation needs a body: a JSON object.") }
        faults += violations.map(placed)
        guard faults.isEmpty else { throw .invalid(Array(faults.prefix(Schema.mostFaults))) }
        return input
    }

    /// The body as an object's JSON; `nil` where there is none.
    private func accepted(_ body: [UInt8], _ contentType: String?) throws(Problem) -> [UInt8]? {
        switch kind {
        case .none:
            // Many clients send an empty object where there is nothing to say.
            guard body.isEmpty || Self.isEmptyObject(body) else { throw .malformed("This operation takes no body.") }
            return nil
        case .raw(let maxBytes, let media):
            guard media.isEmpty || media.contains(ContentType.type(of: contentType)) else {
                throw refusal(of: media)
            }
            guard body.count <= maxBytes else {
                throw Problem(413, "too_large", "The body has more than \(maxBytes) bytes.")
            }
            return nil
        // Who passes the pieces on counts their bytes and has looked at the type.
        case .streamed: return nil
        case .json, .mergePatch:
            if body.isEmpty { return nil }
            try check(contentType, isPatch: kind == .mergePatch)
            return body
        }
    }

    private func check(_ contentType: String?, isPatch: Bool) throws(Problem) {
        let parts = ContentType.parts(of: contentType)
        let taken = isPatch ? ["application/merge-patch+json", "application/json"] : ["application/json"]
        let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }?.dropFirst("charset=".count)
        guard let media = parts.first, taken.contains(media),
            charset == nil || charset == "utf-8" || charset == "\"utf-8\"" || charset == "utf8"
        else { throw refusal(of: taken) }
    }

    private func refusal(of taken: [String]) -> Problem {
        let names = (taken + otherMedia).joined(separator: " or ")
        return Problem(415, "unsupported_media_type", "The body must be \(names) in UTF-8.")
    }

    private func append(
        query: some StringProtocol,
        to front: inout [UInt8],
        _ faults: inout [Problem.Fault]
    ) throws(Problem) {
        var order: [String] = []
        var values: [String: [String]] = [:]
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentCoding.decode(parts[0], plusIsSpace: true),
                let value = PercentCoding.decode(parts.count == 2 ? parts[1] : "", plusIsSpace: true)
            else { throw .malformed("The query is not percent-encoded UTF-8.") }
            if values[name] == nil { order.append(name) }
            values[name, default: []].append(value)
        }
        for name in order {
            guard let given = values[name] else { continue }
            guard places[name] == .query, let property = properties[name] else {
                if ignoresUnknownParameters { continue }
                faults.append(Problem.Fault(parameter: name, "is not a known parameter"))
                continue
            }
            if case .array(let element, _) = property.schema.kind {
                let elements = given.map { Self.literal($0, element) }.joined(separator: ",")
                Self.append(name, "[\(elements)]", to: &front)
            } else if given.count > 1 {
                faults.append(Problem.Fault(parameter: name, "appears twice"))
            } else {
                Self.append(name, Self.literal(given[0], property.schema), to: &front)
            }
        }
    }

    /// The value as JSON of the kind asked for; what is not of that kind stays a text, so that the check says what is wrong.
    private static func literal(_ value: String, _ schema: Schema) -> String {
        switch schema.kind {
        case .integer: if let number = Int64(value), !value.hasPrefix("+") { return String(number) }
        case .number: if let number = Double(value), number.isFinite { return number.description }
        case .boolean: if value == "true" || value == "false" { return value }
        default: break
        }
        return JSONWriter.quoted(value)
    }

    private static func append(_ name: String, _ json: String, to front: inout [UInt8]) {
        if !front.isEmpty { front.append(UInt8(ascii: ",")) }
        front += JSONWriter.quoted(name).utf8
        front.append(UInt8(ascii: ":"))
        front += json.utf8
    }

    /// Puts the members in front of the body's own.
    private static func joined(_ front: [UInt8], _ body: [UInt8]?) throws(Problem) -> [UInt8] {
        guard let body else { return [UInt8(ascii: "{")] + front + [UInt8(ascii: "}")] }
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        let start = body.drop(while: isSpace)
        guard start.first == UInt8(ascii: "{") else {
            _ = try JSONTape(body)
            throw .invalid("", "must be an object")
        }
        if front.isEmpty { return body }
        let rest = start.dropFirst().drop(while: isSpace)
        let comma = rest.first == UInt8(ascii: "}") ? [] : [UInt8(ascii: ",")]
        return [UInt8(ascii: "{")] + front + comma + rest
    }

    private static func isEmptyObject(_ body: [UInt8]) -> Bool {
        guard let tape = try? JSONTape(body) else { return false }
        return tape.nodes[0].kind == .object && tape.nodes.count == 1
    }

    /// A body's object without the members that the path has, and what is wrong with those.
    ///
    /// What was read may be sent back whole: a member that says what the path says is no fault.
    private func told(
        apartFrom path: [(name: String, value: String)],
        in body: [UInt8]
    ) throws(Problem) -> (kept: [UInt8], faults: [Problem.Fault]) {
        let tape = try JSONTape(body)
        let keys = tape.children(of: 0)
        let isOfPath = { (key: Int) in places[tape.text(key)] == .path }
        let strangers = keys.filter { key in
            isOfPath(key) && !path.contains { $0.name == tape.text(key) && $0.value == tape.text(key + 1) }
        }
        let members = keys.filter { !isOfPath($0) }.map { key in
            Array(JSONWriter.quoted(tape.text(key)).utf8) + [UInt8(ascii: ":")] + tape.source(key + 1)
        }
        let kept = [UInt8(ascii: "{")] + members.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "}")]
        let faults = strangers.map { Problem.Fault(pointer: JSONPointer.step(tape.text($0)), "is not a known key") }
        return (kept, faults)
    }

    private static func parsed(_ input: [UInt8], body: [UInt8]?) throws(Problem) -> JSONTape {
        do throws(Problem) {
            return try JSONTape(input)
        } catch {
            // Parsed again alone, so that the place in the message is the client's.
            if let body { _ = try JSONTape(body) }
            throw error
        }
    }

    /// Whether a path parameter is none that there can be.
    private func leadsNowhere(_ fault: Problem.Fault) -> Bool {
        Self.member(fault).map { places[$0] == .path } == true
    }

    /// Whether the body names again what the path names.
    private func isRepeated(_ fault: Problem.Fault) -> Bool {
        fault.detail == "appears twice" && Self.member(fault).map { places[$0] == .path } == true
    }

    private static func member(_ fault: Problem.Fault) -> String? {
        fault.pointer?.split(separator: "/").first.map(String.init)
    }

    /// A fault of a path or query member is told by the parameter's name.
    private func placed(_ fault: Problem.Fault) -> Problem.Fault {
        guard let name = Self.member(fault), let place = places[name], place != .body else { return fault }
        return Problem.Fault(parameter: name, fault.detail)
    }
}

extension Schema {
    /// Whether the value stands for a body's bytes.
    var isRawBody: Bool {
        if case .string(let rule) = kind { rule.isRawBody } else { false }
    }
}

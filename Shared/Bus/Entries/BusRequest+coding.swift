import Core

extension BusRequest {
    /// No header's name can begin so.
    private static let heldWithin = ":held-within"

    /// The part that is sealed; id, clinic, deadline and trace stand in the header.
    func encodedContent() -> [UInt8] {
        var out = ByteWriter(capacity: input.count + 384)
        out.text(operation)
        out.principal(principal)
        out.scope(scope)
        out.number(accessVersion)
        out.text(idempotencyKey)
        out.byte(clientKey ? 1 : 0)
        out.optional(ifMatch)
        out.optional(ifNoneMatch)
        out.text(source.address)
        out.text(source.userAgent)
        out.optional(accept)
        out.optional(page)
        var headers = headers
        // Among the headers, where a process of an earlier release passes it over.
        if let held = principal.heldWithin { headers[Self.heldWithin] = held.joined(separator: " ") }
        out.number(headers.count)
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            out.text(name)
            out.text(value)
        }
        out.block(input)
        // Only where there is one: without, the content is what a process of an earlier release reads.
        if let emergency = principal.emergency { out.emergency(emergency) }
        return out.bytes
    }

    /// - Parameter deadline: on this process's clock.
    init(content: [UInt8], header: EntryHeader, deadline: Deadline) throws(ByteCodingError) {
        guard let trace = TraceContext(traceparent: header.traceparent) else { throw ByteCodingError() }
        var from = ByteReader(content)
        self.init(
            id: header.id,
            operation: try from.text(),
            clinic: header.clinic,
            principal: try from.principal(),
            scope: try from.scope(),
            accessVersion: try from.number(),
            deadline: deadline,
            trace: trace,
            idempotencyKey: try from.text(),
            clientKey: try from.flag(),
            ifMatch: try from.optionalText(),
            ifNoneMatch: try from.optionalText(),
            source: RequestSource(address: try from.text(), userAgent: try from.text()),
            accept: try from.optionalText(),
            page: try from.optionalText(),
            headers: try from.pairs(),
            input: try from.block()
        )
        if let held = headers.removeValue(forKey: Self.heldWithin) {
            principal.heldWithin = held.split(separator: " ").map(String.init)
        }
        if !from.isAtEnd { principal.emergency = try from.emergency() }
        guard from.isAtEnd else { throw ByteCodingError() }
    }
}

extension BusReply {
    /// The reply in the bus's compact form.
    package func encoded() -> [UInt8] {
        var out = ByteWriter(capacity: body.count + 192)
        out.number(status)
        out.text(contentType)
        out.number(headers.count)
        for (name, value) in headers {
            out.text(name)
            out.text(value)
        }
        out.block(body)
        out.optional(nextPage)
        return out.bytes
    }

    package init(encoded: [UInt8]) throws(ByteCodingError) {
        var from = ByteReader(encoded)
        let status = Int(try from.number())
        let contentType = try from.text()
        var headers: [(String, String)] = []
        for _ in 0..<(try from.count()) { headers.append((try from.text(), try from.text())) }
        self.init(
            status: status,
            contentType: contentType,
            headers: headers,
            body: try from.block(),
            nextPage: try from.optionalText()
        )
        guard from.isAtEnd else { throw ByteCodingError() }
    }
}

extension Principal {
    /// `kind:id`, as it stands in headers.
    var label: String { "\(kind.rawValue):\(id)" }
}

extension ByteWriter {
    fileprivate mutating func principal(_ principal: Principal) {
        text(principal.kind.rawValue)
        text(principal.id)
        optional(principal.signIn)
        number(principal.roles.count)
        for role in principal.roles { text(role) }
        optional(principal.patient)
        optional(principal.doctor)
    }

    fileprivate mutating func emergency(_ emergency: Emergency) {
        id(emergency.id)
        id(emergency.patient)
        number(emergency.expiresAt.microseconds)
    }

    fileprivate mutating func scope(_ scope: Scope) {
        text(scope.word)
        switch scope {
        case .clinic, .account: break
        case .own(let patient): id(patient)
        case .treated(let doctor): id(doctor)
        case .locations(let locations):
            number(locations.count)
            for location in locations { id(location) }
        }
    }
}

extension ByteReader {
    fileprivate mutating func principal() throws(ByteCodingError) -> Principal {
        guard let kind = Principal.Kind(rawValue: try text()) else { throw ByteCodingError() }
        let id = try text()
        let signIn: SignInID? = try optionalID()
        var roles: [String] = []
        for _ in 0..<(try count()) { roles.append(try text()) }
        return Principal(
            kind: kind,
            id: id,
            signIn: signIn,
            roles: roles,
            patient: try optionalID(),
            doctor: try optionalID()
        )
    }

    fileprivate mutating func emergency() throws(ByteCodingError) -> Emergency {
        Emergency(id: try id(), patient: try id(), expiresAt: Instant(microseconds: try number()))
    }

    fileprivate mutating func scope() throws(ByteCodingError) -> Scope {
        switch try text() {
        case "clinic": return .clinic
        case "account": return .account
        case "own": return .own(try id())
        case "treated": return .treated(try id())
        case "locations":
            var locations: [LocationID] = []
            for _ in 0..<(try count()) { locations.append(try id()) }
            return .locations(locations)
        default: throw ByteCodingError()
        }
    }

    fileprivate mutating func pairs() throws(ByteCodingError) -> [String: String] {
        var pairs: [String: String] = [:]
        for _ in 0..<(try count()) { pairs[try text()] = try text() }
        return pairs
    }
}

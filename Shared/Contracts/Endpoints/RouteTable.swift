/// Finds the operation of a request: a tree of path segments, literal ones before parameters.
package struct RouteTable: Sendable {
    /// What all paths stand under, but those that begin with `//`.
    package static let base = "/api/v1"

    package enum Match: Sendable {
        case found(any EndpointDescription, parameters: [(name: String, value: String)])
        case notFound
        /// The path exists; these methods do.
        case methodNotAllowed([HTTPVerb])
    }

    private final class Node: Sendable {
        let literals: [String: Node]
        /// `{id}.pdf`: parameters with an ending, the longest first.
        let endings: [(ending: String, node: Node)]
        let parameter: Node?
        /// `{name...}`: what takes all segments that are left.
        let tails: [HTTPVerb: any EndpointDescription]
        let endpoints: [HTTPVerb: any EndpointDescription]
        /// Those that are meant when the body is of their type.
        let byMedia: [HTTPVerb: [String: any EndpointDescription]]

        init(
            literals: [String: Node],
            endings: [(ending: String, node: Node)],
            parameter: Node?,
            tails: [HTTPVerb: any EndpointDescription],
            endpoints: [HTTPVerb: any EndpointDescription],
            byMedia: [HTTPVerb: [String: any EndpointDescription]]
        ) {
            self.literals = literals
            self.endings = endings
            self.parameter = parameter
            self.tails = tails
            self.endpoints = endpoints
            self.byMedia = byMedia
        }
    }

    private let root: Node

    /// Builds the tree.
    ///
    /// Throws `SchemaError` when two operations have the same method and path and are not told apart by their body's type, or
    /// a tail is not last; internal ones get no route.
    package init(_ endpoints: [any EndpointDescription]) throws {
        let routed = endpoints.filter { if case .internalOnly = $0.guard { false } else { true } }
        root = try Self.node(routed.map { ($0, Self.declaredPath($0).split(separator: "/")[...]) })
    }

    /// The path as clients write it.
    package static func fullPath(_ endpoint: any EndpointDescription) -> String {
        declaredPath(endpoint).replacing("...}", with: "}")
    }

    private static func declaredPath(_ endpoint: any EndpointDescription) -> String {
        endpoint.path.hasPrefix("//") ? String(endpoint.path.dropFirst()) : base + endpoint.path
    }

    /// Looks a request's path (without query) up.
    ///
    /// Parameters come percent-decoded; a wrong escape is `notFound`.
    ///
    /// - Parameter contentType: the request's, where operations of one path are told apart by it.
    package func find(_ verb: HTTPVerb?, _ path: String, contentType: String? = nil) -> Match {
        guard path.utf8.first == UInt8(ascii: "/") else { return .notFound }
        let segments = Array(path.utf8).dropFirst().split(
            separator: UInt8(ascii: "/"),
            omittingEmptySubsequences: false
        )
        .map { String(decoding: $0, as: UTF8.self) }
        var allowed: Set<HTTPVerb> = []
        var values: [String] = []
        if case .found(let found) = search(root, segments[...], verb, &values, &allowed) {
            let endpoint = found.endpoint(contentType)
            let names = endpoint.pathParameters
            var parameters: [(name: String, value: String)] = []
            for (name, value) in zip(names, values) {
                guard let decoded = PercentCoding.decode(value, plusIsSpace: false) else { return .notFound }
                parameters.append((name, decoded))
            }
            return .found(endpoint, parameters: parameters)
        }
        return allowed.isEmpty ? .notFound : .methodNotAllowed(HTTPVerb.allCases.filter(allowed.contains))
    }

    /// What a path comes to below a node.
    private enum Outcome {
        case found(Found)
        /// The path is there, the method is not.
        case otherMethods
        case nothing
    }

    /// - Parameter allowed: gathers the methods that the path has.
    private func search(
        _ node: Node,
        _ segments: ArraySlice<String>,
        _ verb: HTTPVerb?,
        _ values: inout [String],
        _ allowed: inout Set<HTTPVerb>
    ) -> Outcome {
        guard let segment = segments.first else {
            allowed.formUnion(node.endpoints.keys)
            guard let verb, let endpoint = node.endpoints[verb] else {
                return node.endpoints.isEmpty ? .nothing : .otherMethods
            }
            return .found(Found(usual: endpoint, byMedia: node.byMedia[verb] ?? [:]))
        }
        let rest = segments.dropFirst()
        if let next = node.literals[segment] {
            // What a path names itself is meant, whatever the method: nobody's id is `test`.
            let outcome = search(next, rest, verb, &values, &allowed)
            guard case .nothing = outcome else { return outcome }
        }
        guard !segment.isEmpty else { return .nothing }
        var isThere = false
        func follow(_ next: Node, _ value: String) -> Found? {
            values.append(value)
            switch search(next, rest, verb, &values, &allowed) {
            case .found(let found): return found
            case .otherMethods: isThere = true
            case .nothing: break
            }
            values.removeLast()
            return nil
        }
        for (ending, next) in node.endings where segment.utf8.count > ending.utf8.count && segment.hasSuffix(ending) {
            if let found = follow(next, String(segment.dropLast(ending.count))) { return .found(found) }
        }
        if let next = node.parameter, let found = follow(next, segment) { return .found(found) }
        guard !node.tails.isEmpty, segments.allSatisfy({ !$0.isEmpty }) else {
            return isThere ? .otherMethods : .nothing
        }
        allowed.formUnion(node.tails.keys)
        guard let endpoint = verb.flatMap({ node.tails[$0] }) else { return .otherMethods }
        values.append(segments.joined(separator: "/"))
        return .found(Found(usual: endpoint, byMedia: [:]))
    }

    /// The operations of a method and path.
    private struct Found {
        let usual: any EndpointDescription
        let byMedia: [String: any EndpointDescription]

        func endpoint(_ contentType: String?) -> any EndpointDescription {
            byMedia.isEmpty ? usual : byMedia[ContentType.type(of: contentType)] ?? usual
        }
    }

    private typealias Remaining = (endpoint: any EndpointDescription, segments: ArraySlice<Substring>)

    private static func node(_ remaining: [Remaining]) throws -> Node {
        var endpoints: [HTTPVerb: any EndpointDescription] = [:]
        var byMedia: [HTTPVerb: [String: any EndpointDescription]] = [:]
        var tails: [HTTPVerb: any EndpointDescription] = [:]
        var literals: [String: [Remaining]] = [:]
        var endings: [String: [Remaining]] = [:]
        var parameters: [Remaining] = []
        for (endpoint, segments) in remaining {
            guard let segment = segments.first else {
                for media in endpoint.body.rawMedia { byMedia[endpoint.verb, default: [:]][media] = endpoint }
                try add(endpoint, to: &endpoints)
                continue
            }
            if segment.hasSuffix("...}") {
                guard segments.count == 1 else { throw SchemaError("\(endpoint.name): \(segment) is not last") }
                try add(endpoint, to: &tails)
                continue
            }
            let rest = (endpoint, segments.dropFirst())
            if segment.first == "{", let close = segment.firstIndex(of: "}") {
                let ending = String(segment[segment.index(after: close)...])
                if ending.isEmpty { parameters.append(rest) } else { endings[ending, default: []].append(rest) }
            } else {
                literals[String(segment), default: []].append(rest)
            }
        }
        return Node(
            literals: try literals.mapValues(node),
            endings: try endings.mapValues(node).sorted { ($1.key.count, $0.key) < ($0.key.count, $1.key) }
                .map { ($0.key, $0.value) },
            parameter: parameters.isEmpty ? nil : try node(parameters),
            tails: tails,
            endpoints: endpoints,
            byMedia: byMedia
        )
    }

    /// One that is meant only for its body's type gives way to the usual one.
    private static func add(
        _ endpoint: any EndpointDescription,
        to endpoints: inout [HTTPVerb: any EndpointDescription]
    ) throws {
        guard let other = endpoints[endpoint.verb] else {
            endpoints[endpoint.verb] = endpoint
            return
        }
        switch (endpoint.body.rawMedia.isEmpty, other.body.rawMedia.isEmpty) {
        case (true, false): endpoints[endpoint.verb] = endpoint
        case (false, true): break
        default: throw SchemaError("\(endpoint.name) and \(other.name) have the same method and path")
        }
    }
}

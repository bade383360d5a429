import Core

/// The OpenAPI 3.1 description of a list of operations; nothing in it is written by hand but the conventions of all.
package enum OpenAPIDocument {
    /// The document's JSON.
    ///
    /// Throws `SchemaError` for an operation whose types cannot be described.
    ///
    /// - Parameters:
    ///   - endpoints: All operations; internal ones are left out.
    ///   - publicURL: The server's address without `/api/v1`.
    ///   - version: The product's version.
    package static func json(
        endpoints: [any EndpointDescription],
        publicURL: String,
        version: String = "1"
    ) throws -> [UInt8] {
        var components = SchemaComponents()
        var paths: [String: JSONValue] = [:]
        let versioned = Set(endpoints.filter { $0.precondition != .none }.map(RouteTable.fullPath))
        for endpoint in endpoints where !endpoint.isInternal {
            let path = RouteTable.fullPath(endpoint)
            var item = if case .object(let members) = paths[path] { members } else { [String: JSONValue]() }
            let verb = endpoint.verb.rawValue.lowercased()
            let operation = try OperationObject(endpoint, isVersioned: versioned.contains(path)).json(&components)
            // Operations that their body's type tells apart are one to OpenAPI, called as the one without.
            item[verb] =
                switch (item[verb], endpoint.body.rawMedia.isEmpty) {
                case (nil, _): operation
                case (let other?, true): operation.joined(with: other)
                case (let other?, false): other.joined(with: operation)
                }
            paths[path] = .object(item)
        }
        _ = problem.json(&components)
        let document: JSONValue = [
            "openapi": "3.1.0",
            "info": [
                "title": "Polyclinic", "version": .string(version),
                "description": "A suite of services that clinics run their day on.",
            ],
            "servers": [["url": .string(publicURL)]],
            "paths": .object(paths),
            "components": [
                "schemas": .object(components.schemas),
                "securitySchemes": [
                    "bearer": [
                        "type": "http", "scheme": "bearer",
                        "description": "An access token (JWT, 15 minutes) or an API key `pck_…`.",
                    ]
                ],
            ],
            "security": [["bearer": []]],
            "tags": .array(tags(endpoints)),
        ]
        return try JSONWriter.encode(document)
    }

    private static func tags(_ endpoints: [any EndpointDescription]) -> [JSONValue] {
        Set(endpoints.filter { !$0.isInternal }.map(\.service.rawValue)).sorted().map { ["name": .string($0)] }
    }

    /// RFC 9457, with our members.
    static let problem = Schema(
        .object(
            ObjectRule(
                "Problem",
                [
                    .init("type", Schema(.string(StringRule(format: "uri-reference")))),
                    .init("title", Schema(.string(StringRule()))),
                    .init("status", Schema(.integer(400...599))),
                    .init("detail", Schema(.string(StringRule()))),
                    .init("instance", Schema(.string(StringRule()), text: "The request's id.")),
                    .init(
                        "code",
                        Schema(.string(StringRule()), text: "Stable; branch on it.", example: "\"not_found\"")
                    ),
                    .init("retryable", Schema(.boolean)),
                    .init("errors", Schema(.array(of: fault, count: 0...Schema.mostFaults)), isRequired: false),
                ]
            )
        )
    )

    private static let fault = Schema(
        .object(
            ObjectRule(
                "Fault",
                [
                    .init("pointer", Schema(.string(StringRule(format: "json-pointer"))), isRequired: false),
                    .init("parameter", Schema(.string(StringRule())), isRequired: false),
                    .init("detail", Schema(.string(StringRule()))),
                ]
            )
        )
    )
}

extension JSONValue {
    /// All members of both, members of members too; where both say something else, what this one says, and of schemas
    /// either.
    fileprivate func joined(with other: JSONValue) -> JSONValue {
        guard case .object(var mine) = self, case .object(let others) = other else { return self }
        for (name, value) in others {
            guard let own = mine[name] else {
                mine[name] = value
                continue
            }
            mine[name] =
                name == "schema" && own != value ? ["anyOf": .array([own, value])] : own.joined(with: value)
        }
        return .object(mine)
    }
}

extension EndpointDescription {
    /// Whether only our own processes call it.
    package var isInternal: Bool {
        if case .internalOnly = self.guard { true } else { false }
    }
}

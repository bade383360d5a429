import Core

/// A readable page of all operations: one HTML text, no scripts, nothing loaded from elsewhere.
package enum DocsPage {
    /// Throws `SchemaError` for an operation whose types cannot be described.
    package static func html(endpoints: [any EndpointDescription], publicURL: String) throws -> String {
        let visible = endpoints.filter { !$0.isInternal }
        var page = head(publicURL)
        page += "<nav><h2>Operations</h2>"
        for service in services(visible) {
            page += "<h3>\(title(service))</h3><ul>"
            for endpoint in visible where endpoint.service == service {
                page += "<li><a href=\"#\(escaped(endpoint.name))\">\(escaped(endpoint.summary))</a></li>"
            }
            page += "</ul>"
        }
        page += "</nav><main>"
        for service in services(visible) {
            page += "<h2>\(title(service))</h2>"
            for endpoint in visible where endpoint.service == service { page += try section(endpoint) }
        }
        return page + "</main></body></html>\n"
    }

    private static func title(_ service: ServiceName) -> String {
        service.rawValue.prefix(1).uppercased() + service.rawValue.dropFirst()
    }

    private static func services(_ endpoints: [any EndpointDescription]) -> [ServiceName] {
        ServiceName.allCases.filter { service in endpoints.contains { $0.service == service } }
    }

    private static func section(_ endpoint: any EndpointDescription) throws -> String {
        let path = RouteTable.fullPath(endpoint)
        var html = "<section id=\"\(escaped(endpoint.name))\"><h3>\(escaped(endpoint.summary))</h3>"
        html +=
            "<p class=\"route\"><b>\(endpoint.verb.rawValue)</b> <code>\(escaped(path))</code></p><p class=\"notes\">"
        html += endpoint.guard.isPublic ? "public" : "guard <code>\(escaped(endpoint.guard.name))</code>"
        if endpoint.idempotent { html += " · takes <code>Idempotency-Key</code>" }
        if case .none = endpoint.precondition {} else { html += " · takes <code>If-Match</code>" }
        if let most = endpoint.mostBytes { html += " · takes bodies of up to \(most) bytes" }
        html += "</p>"
        html += table("Request", try endpoint.inputSchema, path: endpoint.pathParameters)
        let statuses = endpoint.successStatuses.map(String.init).joined(separator: " or ")
        html += "<h4>Reply \(statuses) \(escaped(endpoint.successMedia.joined(separator: ", ")))</h4>"
        if endpoint.media == nil, let output = try endpoint.outputSchema { html += table(nil, output, path: []) }
        if !endpoint.errors.isEmpty {
            let codes = endpoint.errors.map { "<code>\($0.status) \(escaped($0.code))</code>" }
            html += "<p class=\"notes\">refuses with \(codes.joined(separator: ", "))</p>"
        }
        return html + "</section>"
    }

    private static func table(_ title: String?, _ schema: Schema, path: [String]) -> String {
        let rows = schema.properties.map { row($0, prefix: "", isInPath: path.contains($0.name), depth: 0) }.joined()
        guard !rows.isEmpty else { return "" }
        return (title.map { "<h4>\($0)</h4>" } ?? "") + "<table>\(rows)</table>"
    }

    /// Deepest members shown in a table.
    private static let deepestShown = 4

    private static func row(_ property: ObjectRule.Property, prefix: String, isInPath: Bool, depth: Int) -> String {
        let name = prefix + property.name
        var notes = property.schema.text ?? ""
        if let example = property.schema.example { notes += (notes.isEmpty ? "" : " ") + "Example: \(example)" }
        if property.schema.isSecret { notes += " Write-only." }
        let kind =
            describe(property.schema) + (isInPath ? ", in the path" : "") + (property.isRequired ? "" : ", optional")
        var html = "<tr><td><code>\(escaped(name))</code></td><td>\(escaped(kind))</td><td>\(escaped(notes))</td></tr>"
        guard depth < deepestShown else { return html }
        let (inner, suffix) = element(property.schema)
        for member in inner.properties {
            html += row(member, prefix: name + suffix + ".", isInPath: false, depth: depth + 1)
        }
        return html
    }

    private static func element(_ schema: Schema) -> (Schema, String) {
        switch schema.kind {
        case .array(let inner, _): (element(inner).0, "[]")
        case .map(let inner, _): (element(inner).0, ".*")
        default: (schema, "")
        }
    }

    private static func describe(_ schema: Schema) -> String {
        let kind: String
        switch schema.kind {
        case .boolean: kind = "true or false"
        case .integer(let bounds):
            kind = bounds == .min ... .max ? "whole number" : "whole number \(bounds.lowerBound)…\(bounds.upperBound)"
        case .number: kind = "number"
        case .string(let rule): kind = describe(rule)
        case .array(let element, _): kind = "list of " + describe(element)
        case .map(let element, _): kind = "map of " + describe(element)
        case .object: kind = "object"
        case .either(let schemas): kind = schemas.map(describe).joined(separator: " or ")
        case .any, .unread: kind = "any JSON"
        }
        return schema.isNullable ? kind + " or null" : kind
    }

    private static func describe(_ rule: StringRule) -> String {
        if let choices = rule.choices { return choices.joined(separator: " | ") }
        let length = rule.length.upperBound < Int.max ? " of \(rule.length.lowerBound)…\(rule.length.upperBound)" : ""
        return (rule.format ?? "text") + (rule.format == nil ? length : "")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    private static func head(_ publicURL: String) -> String {
        """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Polyclinic API</title>
        <meta name="viewport" content="width=device-width, initial-scale=1"><style>
        body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem;color:#1b1b1b;background:#fff}
        nav{columns:18rem}nav h3{margin:.5rem 0 0}nav ul{margin:0;padding-left:1.2rem}section{border-top:1px solid #ddd;padding:1rem 0}
        table{border-collapse:collapse;width:100%;font-size:.9rem}td{border-bottom:1px solid #eee;padding:.2rem .5rem;vertical-align:top}
        code{font-family:ui-monospace,monospace}.route b{color:#0a5}.notes{color:#555;font-size:.9rem}h4{margin:.8rem 0 .2rem}
        @media(prefers-color-scheme:dark){body{background:#161616;color:#eee}td,section{border-color:#333}.notes{color:#aaa}a{color:#8bf}}
        </style></head><body><h1>Polyclinic API</h1>
        <p>Everything below <code>\(escaped(publicURL))\(RouteTable.base)</code>; for machines:
        <a href="\(RouteTable.base)/openapi.json">openapi.json</a>. Errors are <code>application/problem+json</code> (RFC 9457).</p>

        """
    }
}

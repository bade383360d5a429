import Contracts
import Core
import NIOHTTP1

/// Where a request goes.
enum Route: Sendable {
    case operation(Operation, parameters: [(name: String, value: String)])
    case page(Page)
    case notFound
    case methodNotAllowed([String])
    /// What was sent is no request.
    case unreadable

    /// What the gateway answers itself.
    enum Page: Sendable, CaseIterable {
        case live, ready, version, openAPI, documentation

        var path: String {
            switch self {
            case .live: "/health/live"
            case .ready: "/health/ready"
            case .version: RouteTable.base + "/version"
            case .openAPI: RouteTable.base + "/openapi.json"
            case .documentation: "/docs"
            }
        }
    }
}

/// Finds where a request goes, and how large its body may be.
struct Router: Sendable {
    private let table: RouteTable
    private let operations: [String: Operation]
    private let pages = Dictionary(uniqueKeysWithValues: Route.Page.allCases.map { ($0.path, $0) })

    /// Throws `SchemaError` when declarations contradict each other.
    init(_ endpoints: [any EndpointDescription]) throws {
        table = try RouteTable(endpoints)
        let routed = endpoints.filter { !$0.isInternal }
        let byMedia = routed.filter { !$0.body.rawMedia.isEmpty }
        operations = Dictionary(
            uniqueKeysWithValues: try routed.map { endpoint in
                let beside = byMedia.filter {
                    $0.name != endpoint.name && $0.verb == endpoint.verb && $0.path == endpoint.path
                }
                return (endpoint.name, try Operation(endpoint, otherMedia: beside.flatMap(\.body.rawMedia)))
            }
        )
    }

    func route(_ head: RequestHead, usualLimit: Int) -> (Route, bodyLimit: Int) {
        let route = route(head)
        guard case .operation(let operation, _) = route else { return (route, usualLimit) }
        switch operation.body {
        case .streamed(let maxBytes, _): return (route, maxBytes)
        case .raw(let maxBytes, _) where operation.isPublic: return (route, maxBytes)
        // Who does not even say who they are is held to what is usual.
        case .raw(let maxBytes, _): return (route, head.authorization == nil ? min(maxBytes, usualLimit) : maxBytes)
        case .none, .json, .mergePatch:
            return (route, head.authorization == nil ? usualLimit : operation.mostBytes ?? usualLimit)
        }
    }

    private func route(_ head: RequestHead) -> Route {
        if let page = pages[head.path] {
            return head.method == .GET || head.method == .HEAD ? .page(page) : .methodNotAllowed(["GET", "HEAD"])
        }
        switch table.find(Self.verb(head.method), head.path, contentType: head.contentType) {
        case .found(let endpoint, let parameters):
            guard let operation = operations[endpoint.name] else { return .notFound }
            return .operation(operation, parameters: parameters)
        case .notFound: return .notFound
        case .methodNotAllowed(let verbs):
            return .methodNotAllowed(verbs.flatMap { $0 == .GET ? ["GET", "HEAD"] : [$0.rawValue] })
        }
    }

    private static func verb(_ method: HTTPMethod) -> HTTPVerb? {
        switch method {
        case .GET, .HEAD: .GET
        case .POST: .POST
        case .PUT: .PUT
        case .PATCH: .PATCH
        case .DELETE: .DELETE
        default: nil
        }
    }
}

import Authorization
import Contracts
import Core
import Metrics
import Synchronization
import Telemetry

/// A declared operation with all that can be known of it before a request comes.
final class Operation: Sendable {
    let endpoint: any EndpointDescription
    let name: String
    let service: ServiceName
    let verb: HTTPVerb
    let `guard`: Guard
    let isPublic: Bool
    /// The permission's place in every set; `nil` also for one that no role holds.
    let permission: PermissionBit?
    /// The same for what it asks for past its guard.
    let asksWithin: [(permission: Permission, bit: PermissionBit?)]
    /// Whether emergency access to a patient lets somebody do this.
    let opensInEmergency: Bool
    let tenancy: Tenancy
    let body: BodyKind
    /// Bytes of a JSON body where it may have more than is usual.
    let mostBytes: Int?
    let isIdempotent: Bool
    let isStreamed: Bool
    let deadline: Duration
    let routeClass: RouteClass
    let media: [String]
    let assembler: InputAssembler
    /// What a refusal of it is called in the audit trail.
    let auditAction: String
    let resource: String
    /// Whether the service itself records requests that fail.
    let recordsFailures: Bool

    private let duration: Metrics.Timer
    private let counters = Mutex<[Int: Counter]>([:])

    /// Throws `SchemaError` when the input cannot be described.
    ///
    /// - Parameter otherMedia: types of bodies that another operation takes at the same method and path.
    init(_ endpoint: any EndpointDescription, otherMedia: [String]) throws {
        self.endpoint = endpoint
        name = endpoint.name
        service = endpoint.service
        verb = endpoint.verb
        `guard` = endpoint.guard
        isPublic = endpoint.guard.isPublic
        permission = endpoint.guard.permission.flatMap { PermissionCatalog.bit(of: $0) }
        asksWithin = endpoint.asksWithin.map { ($0, PermissionCatalog.bit(of: $0)) }
        opensInEmergency =
            endpoint.verb == .GET && endpoint.guard.permission.map { Roles.opensInEmergency($0) } ?? false
        tenancy = endpoint.tenancy
        body = endpoint.body
        mostBytes = endpoint.mostBytes
        isIdempotent = endpoint.idempotent
        isStreamed = endpoint.streams
        deadline = endpoint.deadline
        routeClass = Self.routeClass(of: endpoint)
        media = endpoint.successMedia
        assembler = try InputAssembler(endpoint, otherMedia: otherMedia)
        auditAction = endpoint.auditAction
        resource = endpoint.resource
        recordsFailures =
            switch endpoint.audit {
            case .change, .read: true
            case .none, .login: false
            }
        duration = Metrics.Timer(.httpDuration, [(.operation, endpoint.name)])
    }

    /// Counts a reply and the time it took.
    func note(status: Int, took: Duration) {
        let counter = counters.withLock { counters in
            if let counter = counters[status] { return counter }
            let counter = Counter(.httpRequests, [(.operation, name), (.status, String(status))])
            counters[status] = counter
            return counter
        }
        counter.increment()
        duration.recordNanoseconds(took.microseconds * 1_000)
    }

    private static func routeClass(of endpoint: any EndpointDescription) -> RouteClass {
        guard endpoint.guard.isPublic else { return endpoint.verb == .GET ? .read : .write }
        if case .signature = endpoint.guard { return .webhook }
        if endpoint.path.hasPrefix("/auth/") { return .authentication }
        // Providers fetch from few addresses for all clinics, as they send webhooks.
        if endpoint.path.hasPrefix("/public/media/") { return .open }
        return endpoint.path.hasPrefix("/public/") ? .publicBooking : .open
    }
}

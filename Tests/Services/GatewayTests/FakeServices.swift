import Authorization
import Bus
import Contracts
import Core
import Logging
import Redis
import ServiceLifecycle
import Synchronization
import TestKit
import Vault

/// Access as the gateway knows it: policy, news of its version, and a place for refusals.
final class FakeAccess: Sendable {
    private struct State {
        var changes: PolicyChanges
        var denials: [AuditRecord] = []
        var isSilent = false
        var isAway = false
        var losesDenials = false
        var pageAsked = 0
    }

    private let state: Mutex<State>

    init(keys: [VerificationKey]) {
        state = Mutex(State(changes: PolicyChanges(since: 0, version: 1, keys: keys)))
    }

    /// Everything denied so far.
    var denials: [AuditRecord] { state.withLock { $0.denials } }
    var version: Int64 { state.withLock { $0.changes.version } }
    /// Whether the news have stopped.
    var isSilent: Bool { state.withLock { $0.isSilent } }

    func silence(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }

    /// Neither tells news nor answers what is asked of it.
    func leave(_ isAway: Bool) {
        state.withLock { state in
            state.isSilent = isAway
            state.isAway = isAway
        }
    }

    func loseDenials() { state.withLock { $0.losesDenials = true } }

    /// Changes policy and makes it the next version.
    func change(_ body: (inout PolicyChanges) -> Void) {
        state.withLock { state in
            body(&state.changes)
            state.changes.version += 1
        }
    }

    /// A clinic with one user in it who holds the roles; all ids are new.
    func member(
        _ roles: [Role],
        patient: PatientID? = nil,
        doctor: DoctorID? = nil,
        locations: [LocationID]? = nil
    ) -> (clinic: ClinicID, user: UserID) {
        let clinic = ClinicID()
        let user = UserID()
        change { changes in
            changes.clinics.append(
                ClinicPolicy(id: clinic, slug: "c", status: .active, name: "Clinic", timeZone: "UTC")
            )
            let membership = MembershipGrant(
                clinicId: clinic,
                roles: roles.map { RoleGrant(role: $0, locationIds: locations) },
                patientId: patient,
                doctorId: doctor
            )
            changes.users.append(UserGrants(id: user, memberships: [membership]))
        }
        return (clinic, user)
    }

    func answer(_ request: BusRequest) -> RequestServer.Answer {
        do {
            switch request.operation {
            case PolicyEndpoints().changes.name:
                if state.withLock({ $0.isAway }) { return .reply(BusReply(status: 503)) }
                let body = try JSONWriter.encode(state.withLock { $0.changes })
                return .reply(BusReply(status: 200, body: body))
            case PolicyEndpoints().recordDenials.name:
                let report = try JSONTape(request.input).decode(DenialReport.self)
                let isLost = state.withLock { state in
                    if !state.losesDenials { state.denials += report.entries }
                    return state.losesDenials
                }
                return isLost ? .leavePending : .reply(BusReply(status: 204))
            default: return .reply(BusReply(status: 404))
            }
        } catch {
            return .reply(BusReply(status: 500))
        }
    }
}

/// The services behind a gateway under test.
struct FakeServices {
    let services: [any Service]

    init(
        url: String,
        prefix: String,
        file: KeyFile,
        access: FakeAccess,
        handler: @escaping TestGateway.Handler
    ) throws {
        guard let endpoint = RedisEndpoint(url: url) else { throw TestKitError("not a Redis URL") }
        var log = Logger(label: "test")
        log.logLevel = .error
        let keyspace = Keyspace(prefix: prefix)
        let redis = RedisClient(endpoint, name: "test", logger: log)
        let clock = RedisClock(redis: redis, logger: log)
        func keys(_ process: String) -> EdgeKeys {
            EdgeKeys(
                ring: file.busKeys.map { ($0.id, $0.key.bytes) },
                currentID: file.currentID(of: .bus) ?? "",
                process: process
            )
        }
        func server(_ service: ServiceName, _ handle: @escaping TestGateway.Handler) -> RequestServer {
            RequestServer(
                redis: redis,
                keyspace: keyspace,
                keys: keys(service.rawValue),
                clock: clock,
                service: service,
                instance: "test-\(service.rawValue)",
                logger: log
            ) { request, _ in await handle(request) }
        }
        let news = BroadcastPublisher(redis: redis, keyspace: keyspace, keys: keys("access"), process: "access")
        services = [
            redis, clock, server(.access) { access.answer($0) }, server(.appointments, handler),
            News(publisher: news, access: access),
        ]
    }

    /// Says the version as access does, only more often.
    private struct News: Service {
        let publisher: BroadcastPublisher
        let access: FakeAccess

        func run() async throws {
            await cancelWhenGracefulShutdown {
                while !Task.isCancelled {
                    if !access.isSilent, let news = try? JSONWriter.encode(PolicyNews(at: .now())) {
                        try? await publisher.publish(news, version: access.version, to: PolicyFollower.topic)
                    }
                    try? await ContinuousClock().sleep(for: .milliseconds(50))
                }
            }
        }
    }
}

/// A service that says what it was told.
enum FakeService {
    static let answer: TestGateway.Handler = { request in
        switch request.operation {
        case "things.delete", "things.webhook", "things.shared_webhook":
            return .reply(BusReply(status: 204, headers: [("ETag", "\"1\"")]))
        case "things.slow": return .leavePending
        default: break
        }
        var told = [
            "operation": request.operation, "scope": request.scope.word, "principal": request.principal.id,
            "kind": request.principal.kind.rawValue, "roles": request.principal.roles.joined(separator: ","),
            "key": request.idempotencyKey, "clientKey": "\(request.clientKey)",
            "input": String(decoding: request.input, as: UTF8.self), "address": request.source.address,
            "agent": request.source.userAgent, "trace": request.trace.traceID, "id": "\(request.id)",
        ]
        told["within"] = request.principal.heldWithin?.joined(separator: ",")
        told["clinic"] = request.clinic?.description
        told["ifMatch"] = request.ifMatch
        told["ifNoneMatch"] = request.ifNoneMatch
        told["accept"] = request.accept
        let body = (try? JSONWriter.encode(Thing(name: "it", told: told))) ?? []
        let isMade = request.operation == "things.create"
        return .reply(
            BusReply(
                status: isMade ? 201 : 200,
                headers: [("ETag", "\"7\"")] + (isMade ? [("Location", "/things/1")] : []),
                body: body
            )
        )
    }
}

import Authorization
import Bus
import Contracts
import Core
import NIOHTTP1
import Synchronization
import TestKit
import Testing

/// Emergency access at the gateway: which requests it is used for, and that each says so.
@Suite(.timeLimit(.minutes(2)))
struct EmergencyTests {
    /// What the service was asked, and what it answers.
    private final class Desk: Sendable {
        private let asked = Mutex<[BusRequest]>([])
        var requests: [BusRequest] { asked.withLock { $0 } }

        /// Nothing is found outside an emergency access.
        func answer(_ request: BusRequest) async -> RequestServer.Answer {
            asked.withLock { $0.append(request) }
            if request.principal.emergency == nil, request.scope != .clinic {
                return .reply(BusReply(status: 404))
            }
            return await FakeService.answer(request)
        }
    }

    private func run(
        _ roles: [Role],
        doctor: DoctorID? = nil,
        expiresIn time: Duration = .seconds(600),
        _ body: @escaping @Sendable (TestGateway, String, EmergencyGrant, Desk) async throws -> Void
    ) async throws {
        let desk = Desk()
        try await TestGateway.run(handler: { await desk.answer($0) }) { gateway in
            let user = gateway.access.member(roles, doctor: doctor).user
            let grant = EmergencyGrant(id: BreakGlassID(), patientId: PatientID(), expiresAt: .now() + time)
            gateway.access.change { changes in
                for index in changes.users.indices where changes.users[index].id == user {
                    changes.users[index].memberships[0].emergencies = [grant]
                }
            }
            try await body(gateway, try gateway.tokens.token(for: user), grant, desk)
        }
    }

    private func check(_ request: BusRequest?, _ grant: EmergencyGrant) {
        #expect(request?.scope == .own(grant.patientId))
        #expect(request?.principal.emergency?.id == grant.id)
        #expect(request?.principal.emergency?.expiresAt == grant.expiresAt)
    }

    @Test func whatIsOutOfReachIsAskedForAgainUnderIt() async throws {
        try await run([.doctor], doctor: DoctorID()) { gateway, token, grant, desk in
            let path = "/api/v1/things/\(AppointmentID())"
            _ = try await gateway.eventuallyGet(path, [bearer(token)])
            let asked = desk.requests.suffix(2)
            #expect(asked.first?.principal.emergency == nil && asked.first?.scope.word == "treated")
            check(asked.last, grant)
        }
    }

    @Test func aRequestThatNamesThePatientIsMadeUnderItAtOnce() async throws {
        try await run([.doctor], doctor: DoctorID()) { gateway, token, grant, desk in
            _ = try await gateway.eventuallyGet("/api/v1/things/\(grant.patientId)", [bearer(token)])
            check(desk.requests.last, grant)
            #expect(desk.requests.filter { $0.principal.emergency == nil }.count <= 1)
        }
    }

    @Test func whoeverLacksThePermissionReadsUnderItAndChangesNothing() async throws {
        try await run([.inventoryManager]) { gateway, token, grant, desk in
            _ = try await gateway.eventuallyGet("/api/v1/things/\(AppointmentID())", [bearer(token)])
            check(desk.requests.last, grant)
            let changed = try await gateway.eventuallyGet("/api/v1/things", [bearer(token)])
            #expect(changed.status == 200)
            let refused = try await gateway.send(
                .DELETE,
                "/api/v1/things/\(grant.patientId)",
                [bearer(token)]
            )
            #expect(refused.status == 403)
        }
    }

    @Test func whoReachesTheWholeClinicNeedsNone() async throws {
        try await run([.clinicAdmin]) { gateway, token, grant, desk in
            _ = try await gateway.eventuallyGet("/api/v1/things/\(grant.patientId)", [bearer(token)])
            #expect(desk.requests.last?.principal.emergency == nil)
            #expect(desk.requests.last?.scope == .clinic)
        }
    }

    @Test func onceItHasExpiredItOpensNothing() async throws {
        try await run([.inventoryManager], expiresIn: .seconds(-1)) { gateway, token, grant, desk in
            _ = try await gateway.eventuallyGet("/api/v1/things/\(grant.patientId)", [bearer(token)], status: 403)
            #expect(desk.requests.isEmpty)
        }
    }
}

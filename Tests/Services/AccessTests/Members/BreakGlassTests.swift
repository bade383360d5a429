import AccessAPI
import Authorization
import Bus
import Contracts
import Core
import Postgres
import Synchronization
import TestKit
import Testing

@testable import Access

/// Emergency access as access keeps it: begun, told, ended, reviewed.
@Suite(.timeLimit(.minutes(5))) struct BreakGlassTests {
    let desk: AccessDesk
    private let endpoints = BreakGlassEndpoints()

    init() throws { desk = try AccessDesk() }

    private struct Scene {
        var clinic: ClinicID
        var admin: AccessDesk.Person
        var doctor: AccessDesk.Person
    }

    private func scene() async throws -> Scene {
        let root = try await desk.superAdmin()
        let clinic = try await desk.clinic(by: root)
        return Scene(
            clinic: clinic,
            admin: try await desk.member(["CLINIC_ADMIN"], of: clinic, by: root),
            doctor: try await desk.member(["DOCTOR"], of: clinic, by: root)
        )
    }

    private func start(_ scene: Scene, _ patient: PatientID = PatientID(), minutes: Int = 15) async throws -> BreakGlass
    {
        try await desk.know(patient, in: scene.clinic)
        let draft = BreakGlassDraft(patientId: patient, reason: "unconscious in the waiting room", minutes: minutes)
        return try await desk.ask(endpoints.start, draft, as: scene.doctor, in: scene.clinic)
    }

    /// What policy tells of a user's emergency access.
    private func told(_ user: UserID, at now: Instant = .now()) async throws -> [EmergencyGrant] {
        try await desk.database.through(.installation) { tx in
            try BreakGlassStore.underway(of: [user], at: now, in: tx)[user]?.values.flatMap(\.self) ?? []
        }
    }

    @Test func itIsInForceAtOnceAndOverInTime() async throws {
        let scene = try await scene()
        let before = try await desk.database.through(.installation) { tx in try PolicyVersionStore.current(in: tx) }
        let access = try await start(scene, minutes: 15)
        #expect(access.expiresAt - access.startedAt == .seconds(900))
        let path = BreakGlassPath(breakGlassId: access.id)
        #expect(try await desk.ask(endpoints.read, path, as: scene.doctor, in: scene.clinic) == access)
        #expect(try await desk.call(endpoints.read, path, as: scene.admin, in: scene.clinic).status == 404)
        #expect(try await told(scene.doctor.id).map(\.id) == [access.id])
        #expect(try await told(scene.doctor.id, at: access.expiresAt) == [])
        let changes = try await desk.database.through(.installation) { tx in
            try PolicyStore.changes(PolicyChangesQuery(since: before), keys: [], at: .now(), in: tx)
        }
        let held = changes.users.first { $0.id == scene.doctor.id }?.memberships.first?.emergencies
        #expect(held?.map(\.patientId) == [access.patientId])
    }

    @Test func aNewOneReplacesTheOneUnderWay() async throws {
        let scene = try await scene()
        let patient = PatientID()
        let first = try await start(scene, patient)
        let other = try await start(scene)
        let second = try await start(scene, patient, minutes: 60)
        #expect(Set(try await told(scene.doctor.id).map(\.id)) == [second.id, other.id])
        let list = try await desk.ask(endpoints.list, BreakGlassQuery(), as: scene.admin, in: scene.clinic)
        #expect(list.items.map(\.id) == [second.id, other.id, first.id])
        #expect(list.items.last?.endedAt != nil)
    }

    @Test func theReasonIsSealedAndInNoEntry() async throws {
        let scene = try await scene()
        let access = try await start(scene)
        let stored = try await desk.test.inspect(
            "select reason from break_glass where clinic_id = \(scene.clinic) and id = \(access.id)"
        ) { rows -> [UInt8] in try rows[0][0] }
        #expect(!String(decoding: stored, as: UTF8.self).contains("waiting room"))
        let leaked = try await desk.test.inspect(
            """
            select count(*) from outbox where clinic_id = \(scene.clinic)
                and position(convert_to('waiting room', 'UTF8') in convert_to(outbox::text, 'UTF8')) > 0
            """
        ) { rows -> Int in try rows[0][0] }
        #expect(leaked == 0)
        let list = try await desk.ask(endpoints.list, BreakGlassQuery(), as: scene.admin, in: scene.clinic)
        #expect(list.items.map(\.reason) == ["unconscious in the waiting room"])
    }

    @Test func administratorsAreTold() async throws {
        let scene = try await scene()
        func notices() async throws -> Int {
            try await desk.test.inspect(
                "select count(*) from outbox where clinic_id = \(scene.clinic) and name = 'notice.requested'"
            ) { try $0[0][0] }
        }
        let before = try await notices()
        _ = try await start(scene)
        #expect(try await notices() == before + 1)
    }

    @Test func onlyItsOwnerEndsIt() async throws {
        let scene = try await scene()
        let access = try await start(scene)
        let path = BreakGlassPath(breakGlassId: access.id)
        let nurse = try await desk.member(["NURSE"], of: scene.clinic, by: try await desk.superAdmin())
        #expect(try await desk.call(endpoints.end, path, as: nurse, in: scene.clinic).status == 404)
        #expect(try await told(scene.doctor.id).count == 1)
        let read = try await desk.call(endpoints.read, path, as: scene.doctor, in: scene.clinic)
        let version = read.headers.first { $0.0 == "ETag" }?.1
        #expect(version != nil)
        func end(_ match: String?) async throws -> Int {
            try await desk.call(endpoints.end, path, as: scene.doctor, in: scene.clinic, ifMatch: match).status
        }
        #expect(try await end("\"7\"") == 412)
        #expect(try await told(scene.doctor.id).count == 1)
        #expect(try await end(version) == 204)
        #expect(try await end(version) == 412)
        #expect(try await desk.call(endpoints.end, path, as: scene.doctor, in: scene.clinic).status == 204)
        #expect(try await told(scene.doctor.id) == [])
        let ended = try await desk.entries(of: scene.clinic, action: "break_glass:use")
        #expect(ended.allSatisfy { $0.breakGlassId == nil })
    }

    @Test func itIsReviewedOnceByAnother() async throws {
        let scene = try await scene()
        let access = try await start(scene)
        let waiting = BreakGlassQuery(reviewed: false)
        #expect(
            try await desk.ask(endpoints.list, waiting, as: scene.admin, in: scene.clinic).items.map(\.id) == [
                access.id
            ]
        )
        let review = BreakGlassReview(breakGlassId: access.id, verdict: .justified, note: "seen with the team")
        #expect(try await desk.call(endpoints.review, review, as: scene.doctor, in: scene.clinic).status == 403)
        let done = try await desk.ask(endpoints.review, review, as: scene.admin, in: scene.clinic)
        #expect(done.review?.verdict == .justified && done.review?.by == scene.admin.id)
        #expect(done.review?.note == "seen with the team")
        let again = try await desk.call(endpoints.review, review, as: scene.admin, in: scene.clinic)
        #expect(again.code == "already_reviewed")
        #expect(try await desk.ask(endpoints.list, waiting, as: scene.admin, in: scene.clinic).items.isEmpty)
        // Somebody with both roles reviews nothing of their own.
        let root = try await desk.superAdmin()
        let both = try await desk.member(["CLINIC_ADMIN", "DOCTOR"], of: scene.clinic, by: root)
        let patient = PatientID()
        try await desk.know(patient, in: scene.clinic)
        let own = try await desk.ask(
            endpoints.start,
            BreakGlassDraft(patientId: patient, reason: "alone on duty", minutes: 1),
            as: both,
            in: scene.clinic
        )
        let refused = try await desk.call(
            endpoints.review,
            BreakGlassReview(breakGlassId: own.id, verdict: .justified),
            as: both,
            in: scene.clinic
        )
        #expect(refused.code == "own_access")
    }

    @Test func whoMayNotUseOrReviewItIsRefused() async throws {
        let scene = try await scene()
        let access = try await start(scene)
        let draft = BreakGlassDraft(patientId: PatientID(), reason: "curious", minutes: 5)
        let root = try await desk.superAdmin()
        let clerk = try await desk.member(["ACCOUNTANT"], of: scene.clinic, by: root)
        #expect(try await desk.call(endpoints.start, draft, as: clerk, in: scene.clinic).status == 403)
        #expect(
            try await desk.call(endpoints.list, BreakGlassQuery(), as: scene.doctor, in: scene.clinic).status == 403
        )
        let other = try await self.scene()
        let path = BreakGlassPath(breakGlassId: access.id)
        #expect(try await desk.call(endpoints.end, path, as: other.doctor, in: other.clinic).status == 404)
        #expect(try await desk.call(endpoints.start, draft, as: other.doctor, in: scene.clinic).status == 404)
        let review = BreakGlassReview(breakGlassId: access.id, verdict: .unjustified)
        #expect(try await desk.call(endpoints.review, review, as: other.admin, in: other.clinic).status == 404)
    }

    @Test func onlyAPatientOfTheClinicIsOpened() async throws {
        let (scene, other) = (try await scene(), try await scene())
        let patient = PatientID()
        let draft = BreakGlassDraft(patientId: patient, reason: "unconscious", minutes: 5)
        func start(in scene: Scene) async throws -> Int {
            try await desk.call(endpoints.start, draft, as: scene.doctor, in: scene.clinic).status
        }
        #expect(try await start(in: scene) == 404)
        try await desk.know(patient, in: other.clinic)
        #expect(try await start(in: scene) == 404)
        #expect(try await start(in: other) == 201)
        try await desk.know(patient, in: scene.clinic)
        #expect(try await start(in: scene) == 201)
        try await desk.know(patient, in: scene.clinic, version: 2, deleted: true)
        #expect(try await start(in: scene) == 404)
        #expect(try await told(scene.doctor.id).count == 1)
    }

    @Test func aGatewayThatDoesNotAnswerIsNotWaitedForLong() async throws {
        let asked = Mutex(0)
        let slow = Gateways {
            asked.withLock { $0 += 1 }
            return asked.withLock { $0 } < 3 ? [7, 4] : [7, 7]
        }
        await slow.wait(for: 7, patience: .seconds(60))
        #expect(asked.withLock { $0 } == 3)
        let began = ContinuousClock.now
        await Gateways { nil }.wait(for: 7)
        #expect(ContinuousClock.now - began >= Gateways.patience)
    }
}

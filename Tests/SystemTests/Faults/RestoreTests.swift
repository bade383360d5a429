import Contracts
import Core
import LocalServers
import Operator
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// A service whose database was restored, or is new, has everything told again by itself.
    @Suite struct RestoreTests {
        private static let projections: Query = """
            select 'clinics', count(*)::text from known_clinics
            union all select 'patients', count(*)::text from known_patients
            union all select 'doctors', count(*)::text from known_doctors
            union all select 'services', count(*)::text from known_services
            """

        @Test(.timeLimit(.minutes(6))) func aRestoredServiceKnowsWhatCameAfterTheBackup() async throws {
            let suite = try await RunningSuite.shared.value
            let ledger = Ledger(suite: suite)
            try await ledger.isQuiet()
            let dump = try await suite.dump(.communication)
            try await addPatients(3, to: suite)
            try await ledger.isQuiet()
            let before = try await known(ledger)
            let asked = try await asks(ledger)
            try await suite.restore(.communication, from: dump)
            #expect(try await known(ledger) != before)
            try await suite.killProcess("communication")
            try await eventually("everything is known again", within: Ledger.settlesWithin) {
                try await known(ledger) == before
            }
            #expect(try await asks(ledger) == asked + 1)
            try await ledger.isQuiet()
            try await nothingIsAskedByANormalStart(suite, ledger)
            // Everything goes on with what came back.
            try await ledger.check(try await Load(suite).run {}, mayBeUnknown: false)
        }

        /// The old owners' streams hold nothing of what a service missed that was not there.
        @Test(.timeLimit(.minutes(6))) func aNewServiceIsToldWhatHappenedBeforeIt() async throws {
            let suite = try await RunningSuite.shared.value
            let ledger = Ledger(suite: suite)
            try await ledger.isQuiet()
            let before = try await known(ledger)
            let (asked, messages) = (try await asks(ledger), try await sent(suite))
            try Migrator.execute("drop schema communication cascade", url: suite.adminURL)
            #expect(try await suite.polyclinic("migrate") == .code(0))
            try await suite.killProcess("communication")
            try await eventually("everything is known", within: Ledger.settlesWithin) {
                try await known(ledger) == before
            }
            #expect(try await asks(ledger) == asked + 1)
            try await ledger.isQuiet()
            #expect(try await sent(suite) == messages, "somebody was notified again")
            try await suite.configureMail(of: suite.demo.clinicId, by: suite.admin())
            try await nothingIsAskedByANormalStart(suite, ledger)
            try await ledger.check(try await Load(suite).run {}, mayBeUnknown: false)
        }

        private func nothingIsAskedByANormalStart(_ suite: RunningSuite, _ ledger: Ledger) async throws {
            let (asked, beat) = (try await asks(ledger), try await self.beat(ledger))
            try await suite.killProcess("communication")
            try await eventually("it has looked", within: Ledger.settlesWithin) { try await self.beat(ledger) > beat }
            try await ledger.isQuiet()
            #expect(try await asks(ledger) == asked)
        }

        private func known(_ ledger: Ledger) async throws -> [String] {
            try await ledger.rows(.communication, Self.projections).map { "\($0.0) \($0.1)" }
        }

        private func asks(_ ledger: Ledger) async throws -> Int {
            let rows = try await ledger.rows(
                .access,
                "select 'asks', count(*)::text from resend_asks where service = 'communication'"
            )
            return try #require(rows.first.flatMap { Int($0.1) })
        }

        private func beat(_ ledger: Ledger) async throws -> Int {
            let rows = try await ledger.rows(.communication, "select 'beat', beat::text from database_life")
            return rows.first.flatMap { Int($0.1) } ?? 0
        }

        private func sent(_ suite: RunningSuite) async throws -> Int {
            try await suite.sandbox.expect(200, from: "GET", "/messages").items.count
        }

        private func addPatients(_ count: Int, to suite: RunningSuite) async throws {
            let desk = try await suite.receptionist()
            for number in 0..<count {
                try await desk.expect(201, from: "POST", "/patients", ["name": .string("Patient \(number)")])
            }
        }
    }
}

extension RunningSuite {
    /// A dump of one service's schema, as an operator makes it.
    func dump(_ service: ServiceName) async throws -> String {
        let file = "\(home)/\(service.rawValue)-\(RequestID()).sql"
        try await postgres("pg_dump", "--schema=\(service.rawValue)", "--file=\(file)")
        return file
    }

    /// Puts a service's schema back to what a dump holds of it.
    func restore(_ service: ServiceName, from dump: String) async throws {
        try await postgres(
            "psql",
            "--quiet",
            "--single-transaction",
            "--set=ON_ERROR_STOP=1",
            "--command=drop schema \(service.rawValue) cascade",
            "--file=\(dump)"
        )
    }

    private func postgres(_ program: String, _ arguments: String...) async throws {
        let output = "\(home)/logs/postgres-tools.log"
        let command = ChildProcess.Command(
            try LocalPostgres.program(program),
            ["--dbname=\(adminURL.unredacted)"] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"],
            output: output
        )
        guard try await ChildProcess(command).ended() == .code(0) else {
            throw TestKitError("\(program) failed: see \(output)")
        }
    }
}

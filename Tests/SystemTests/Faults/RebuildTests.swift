import Contracts
import Core
import LocalServers
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// What services keep of one another can be lost and told again.
    @Suite struct RebuildTests {
        private struct Projection: Sendable {
            let service: ServiceName
            let tables: [String]
            let counts: Query
        }

        private static let projections = [
            Projection(
                service: .billing,
                tables: ["clinics", "visit_types"],
                counts: """
                    select 'clinics', count(*)::text from clinics
                    union all select 'visit_types', count(*)::text from visit_types
                    """
            ),
            Projection(
                service: .communication,
                tables: ["known_clinics", "known_patients", "known_doctors", "known_services"],
                counts: """
                    select 'clinics', count(*)::text from known_clinics
                    union all select 'patients', count(*)::text from known_patients
                    union all select 'doctors', count(*)::text from known_doctors
                    union all select 'services', count(*)::text from known_services
                    """
            ),
            Projection(
                service: .appointments,
                // Its locations cannot be lost alone: what is booked holds them.
                tables: ["clinics"],
                counts: "select 'clinics', count(*)::text from clinics"
            ),
        ]

        @Test(.timeLimit(.minutes(6))) func lostProjectionsComeBackAndNobodyIsToldOfIt() async throws {
            let suite = try await RunningSuite.shared.value
            let ledger = Ledger(suite: suite)
            try await ledger.check(try await Load(suite).run {}, mayBeUnknown: false)
            let before = try await rows(ledger)
            let effects = try await effects(ledger)
            for projection in Self.projections {
                for table in projection.tables {
                    try Migrator.execute("delete from \(projection.service.rawValue).\(table)", url: suite.adminURL)
                }
            }
            for projection in Self.projections {
                let exit = try await suite.polyclinic("projections", "rebuild", projection.service.rawValue)
                #expect(exit == .code(0))
            }
            try await eventually("every projection is back", within: Ledger.settlesWithin) {
                try await rows(ledger) == before
            }
            try await ledger.isQuiet()
            #expect(try await self.effects(ledger) == effects)
            // Everything goes on with what came back.
            try await ledger.check(try await Load(suite).run {}, mayBeUnknown: false)
        }

        private func rows(_ ledger: Ledger) async throws -> [String] {
            var found: [String] = []
            for projection in Self.projections {
                for (table, count) in try await ledger.rows(projection.service, projection.counts) {
                    found.append("\(projection.service.rawValue) \(table) \(count)")
                }
            }
            return found
        }

        /// What would be more if anything had been done twice.
        private func effects(_ ledger: Ledger) async throws -> [String] {
            let messages = try await ledger.rows(.communication, "select 'messages', count(*)::text from messages")
            let invoices = try await ledger.rows(.billing, "select 'invoices', count(*)::text from invoices")
            return (messages + invoices).map(\.1)
        }
    }
}

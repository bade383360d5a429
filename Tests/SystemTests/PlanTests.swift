import Contracts
import Core
import Operator
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// How statements find their rows.
    @Suite struct PlanTests {
        /// The server counts whole reads of each table from the end of the migrations on; whatever other tests did before is
        /// counted too.
        ///
        /// `job_wakes` is a letterbox that is emptied whole, and the dead letters are listed by these tests. A slot of the outbox or
        /// of the jobs that is truncated has its indexes built anew, which counts as a read of it, of no row.
        @Test(.timeLimit(.minutes(3))) func noStatementReadsATenantTableWhole() async throws {
            let suite = try await RunningSuite.shared.value
            let accepted = try await Load(suite).run {}
            try await Ledger(suite: suite).check(accepted, mayBeUnknown: false)
            let desk = try await suite.receptionist()
            let auditor = try await suite.api.signedIn(suite.demo.auditor, clinic: suite.demo.clinicId)
            for path in [
                "/doctors", "/patients", "/services", "/appointments", "/billing/invoices", "/communication/messages",
                "/doctors?sort=-name", "/patients?sort=name", "/services?sort=name&q=a", "/appointments?sort=-start",
                "/billing/invoices?sort=createdAt&q=INV",
                "/doctors/\(suite.demo.doctorId)/slots?service=\(try await suite.shortVisit(by: desk))"
                    + "&from=2027-03-01&to=2027-03-07",
            ] {
                let answer = try await desk.send("GET", path)
                #expect(answer.status == 200 || answer.status == 403, "\(path) gave \(answer.status)")
            }
            let admin = try await suite.admin()
            for path in [
                "/communication/suppressions", "/communication/suppressions?address=nobody@example.org",
                "/communication/conversations",
                "/communication/preferences/\(suite.demo.patientId)",
                "/communication/contacts/\(suite.demo.patientId)/devices",
                "/communication/analytics?from=2026-01-01T00:00:00Z&to=2026-12-31T00:00:00Z&by=day",
                "/clinics/\(suite.demo.clinicId)/communication/alert-routes",
            ] {
                let answer = try await admin.send("GET", path)
                #expect(answer.status == 200, "\(path) gave \(answer.status)")
            }
            try await auditor.expect(200, from: "GET", "/audit/entries?action=messages:send")
            let whole = try await Ledger(suite: suite).rows(
                .access,
                """
                select t.schemaname || '.' || t.relname, t.seq_scan::text from pg_stat_user_tables as t
                where t.seq_scan > 0 and t.relname not in ('job_wakes', 'dead_letters')
                    and (t.relname !~ '^(outbox|jobs)_[0-9]$' or t.seq_tup_read > 0)
                    and exists (select from pg_attribute as a
                    where a.attrelid = t.relid and a.attname = 'clinic_id' and not a.attisdropped)
                order by 1
                """
            )
            #expect(whole.map { "\($0.0): \($0.1)" } == [])
        }
    }
}

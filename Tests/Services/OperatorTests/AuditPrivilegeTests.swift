import Core
import Postgres
import TestKit
import Testing

@testable import Operator

/// No service changes or deletes what is logged: each tries, logged in as itself and through every door it may take.
@Suite(.timeLimit(.minutes(2))) struct AuditPrivilegeTests {
    static let statements = [
        "update access.audit_entries set leaf = null",
        "update access.audit_entries set seq = seq + 1 where false",
        "update access.audit_nodes set hash = null",
        "update access.audit_checkpoints set note = null",
        "update access.audit_cosignatures set clinic_id = clinic_id",
        "delete from access.audit_entries", "delete from access.audit_nodes", "delete from access.audit_checkpoints",
        "delete from access.audit_cosignatures",
        "truncate access.audit_entries", "truncate access.audit_nodes", "truncate access.audit_checkpoints",
        "truncate access.audit_cosignatures",
        "drop table access.audit_entries", "alter table access.audit_entries no force row level security",
        "create or replace function access.blank_audit_entries(most integer) returns integer language sql as 'select 1'",
    ]
    static let doors = ["", "relay", "sequencer", "lookup", "installation"]

    @Test(arguments: ServiceName.allCases) func noServiceMayRewriteTheTrail(_ service: ServiceName) async throws {
        var urls: [ServiceName: Secret] = [:]
        for service in ServiceName.allCases {
            let sets = SchemaCatalog.all.filter { $0.schema.name == service.rawValue }
            urls[service] = try TestDatabase.open(service.rawValue, migrations: sets).serviceURL
        }
        let url = try #require(urls[service])
        for door in Self.doors {
            let role = door.isEmpty ? "" : "set role polyclinic_\(service.rawValue)_\(door);"
            // Whoever may not log in so proves nothing by being refused.
            try Migrator.execute("\(role) select 1", url: url)
            for statement in Self.statements {
                let refusal = refusal(of: "\(role) \(statement)", url)
                #expect(refusal?.isDenial == true, "\(service) \(door): \(statement): \(refusal?.words ?? "done")")
            }
            let unsent = refusal(of: "\(role) delete from \(service.rawValue).outbox", url)
            #expect(unsent?.isDenial == true, "\(service) \(door) may take back what it has not sent yet")
            let changed = refusal(of: "\(role) update \(service.rawValue).outbox set payload = ''", url)
            #expect(changed?.isDenial == true, "\(service) \(door) may change what it has not sent yet")
        }
    }

    private struct Refusal {
        var words: String
        var isDenial: Bool { words.contains("permission denied") || words.contains("must be owner") }
    }

    private func refusal(of script: String, _ url: Secret) -> Refusal? {
        do {
            try Migrator.execute(script, url: url)
            return nil
        } catch {
            return Refusal(words: "\(error)")
        }
    }
}

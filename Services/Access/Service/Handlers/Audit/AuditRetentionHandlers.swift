import AccessAPI
import Contracts
import Core
import ServiceHost

/// How long a clinic keeps what no other rule keeps.
enum AuditRetentionHandlers {
    static func register(in table: inout HandlerTable) {
        let endpoints = AuditEndpoints()
        table.read(endpoints.readRetention) { _, context, tx in
            let stored = try AuditRetentionStore.find(context.clinic, in: tx)
            return Reply(AuditRetention(days: stored.days), version: stored.version)
        }
        table.change(endpoints.setRetention) { wanted, context, tx in
            try context.checkMatch(version: AuditRetentionStore.find(context.clinic, in: tx).version)
            let version = try AuditRetentionStore.set(wanted.days, of: context.clinic, at: context.now, in: tx)
            return Reply(wanted, version: version)
        }
    }
}

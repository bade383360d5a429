import AccessAPI
import Contracts
import Core
import Jobs
import Postgres
import ServiceHost

/// How people want to be told things: each person's own to choose.
enum PreferenceHandlers {
    static func register(in table: inout HandlerTable) {
        let endpoints = PreferenceEndpoints()
        table.read(endpoints.read) { _, context, tx in
            guard let id = context.principal.user, let user = try UserStore.find(id, in: tx) else {
                throw Problem.unauthenticated
            }
            var preferences = try PreferenceStore.find(id, in: tx)
            preferences.locale = user.locale
            return Reply(preferences, version: user.version)
        }
        table.change(endpoints.update) { try update($0, $1, $2) }
    }

    private static func update(
        _ preferences: Preferences,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Preferences> {
        try PreferenceRule.check(preferences)
        guard let id = context.principal.user, let user = try UserStore.find(id, forUpdate: true, in: tx) else {
            throw Problem.unauthenticated
        }
        try context.checkMatch(version: user.version)
        try PreferenceStore.save(preferences, of: id, at: context.now, in: tx)
        // The language is the account's own, so preferences and account have one version.
        let version = try UserStore.rename(
            id,
            name: user.name,
            locale: preferences.locale,
            at: context.now,
            in: tx
        )
        try Jobs.enqueue(AnnounceMember.self, payload: AnnounceMember.Payload(user: id), in: tx)
        return Reply(preferences, version: version, audit: AuditDetail(resource: id.description))
    }
}

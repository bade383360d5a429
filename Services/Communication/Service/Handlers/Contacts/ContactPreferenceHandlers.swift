import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// How contacts want to be written to: theirs to choose, and staff's on their behalf.
struct ContactPreferenceHandlers: Sendable {
    let endpoints: ContactPreferenceEndpoints
    let dataKeys: DataKeyStore

    func register(in table: inout HandlerTable) {
        table.read(endpoints.read) { [self] path, context, tx in
            let contact = try find(path.contactId, context, tx)
            return Reply(
                Self.shown(contact, contact.choice),
                version: contact.version,
                audit: AuditDetail(resource: "\(contact.id)", patient: contact.patientID)
            )
        }
        table.change(endpoints.put, put)
    }

    @Sendable private func put(
        _ draft: ContactPreferencesDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<ContactPreferences> {
        let contact = try find(draft.contactId, forUpdate: true, context, tx)
        // What was read of an older version is no fault of what is sent.
        try context.checkMatch(version: contact.version)
        try PreferenceRules.check(draft, of: contact.patientID, contact.choice.consents)
        let source = if case .own = context.scope { "patient" } else { "staff" }
        let choice = KnownContact.Choice(
            locale: draft.locale,
            timeZone: draft.timeZone,
            categories: draft.categories,
            consents: PreferenceRules.consents(
                contact.choice.consents,
                after: draft.categories,
                by: source,
                at: context.now
            )
        )
        let version = try ContactStore.choose(choice, for: contact, at: context.now, in: tx)
        if (choice.timeZone, choice.categories) != (contact.choice.timeZone, contact.choice.categories) {
            try WakeMessagesJob.leave(for: contact.id, afterChangeAt: context.now, in: tx)
        }
        return Reply(
            Self.shown(contact, choice),
            version: version,
            audit: AuditDetail(resource: "\(contact.id)", patient: contact.patientID)
        )
    }

    private func find(
        _ id: ContactID,
        forUpdate: Bool = false,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> KnownContact {
        let found = try ContactStore.reach(id, forUpdate: forUpdate, dataKeys: dataKeys, in: tx)
        guard let found else { throw Problem.notFound }
        return found
    }

    private static func shown(_ contact: KnownContact, _ choice: KnownContact.Choice) -> ContactPreferences {
        ContactPreferences(
            contactId: contact.id,
            patientId: contact.patientID,
            locale: choice.locale,
            timeZone: choice.timeZone,
            categories: choice.categories,
            consents: choice.consents
        )
    }
}

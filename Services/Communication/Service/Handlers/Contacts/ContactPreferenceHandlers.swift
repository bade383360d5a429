import CommunicationAPI
import Contracts
import Core
import Crypto
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
            let optOuts = try SuppressionStore.optOuts(of: contact.id, at: context.now, in: tx)
            return Reply(
                Self.shown(contact, contact.choice, optOuts),
                version: Self.version(contact.version, optOuts),
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
        let optOuts = try SuppressionStore.optOuts(of: contact.id, at: context.now, in: tx)
        let standing = PreferenceRules.standing(contact.choice.consents, optOuts)
        // What was read of an older version is no fault of what is sent.
        try context.checkMatch(version: Self.version(contact.version, optOuts))
        try PreferenceRules.check(draft, of: contact.patientID, standing)
        let source = if case .own = context.scope { "patient" } else { "staff" }
        let choice = KnownContact.Choice(
            locale: draft.locale,
            timeZone: draft.timeZone,
            categories: draft.categories,
            consents: PreferenceRules.consents(
                contact.choice.consents,
                standing,
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
            Self.shown(contact, choice, optOuts),
            version: Self.version(version, optOuts),
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

    /// Of what is shown: opt-outs come and go without a change of the contact's own.
    private static func version(_ version: Int64, _ optOuts: [StoredSuppression]) -> Int64 {
        guard !optOuts.isEmpty else { return version }
        let text = optOuts.map { "\($0.id) \($0.version)" }.sorted().joined(separator: " ")
        let digest = SHA256.hash(data: Array(text.utf8)).prefix(4)
        return digest.reduce(version) { $0 << 8 | Int64($1) }
    }

    private static func shown(
        _ contact: KnownContact,
        _ choice: KnownContact.Choice,
        _ optOuts: [StoredSuppression]
    ) -> ContactPreferences {
        ContactPreferences(
            contactId: contact.id,
            patientId: contact.patientID,
            locale: choice.locale,
            timeZone: choice.timeZone,
            categories: choice.categories,
            consents: PreferenceRules.standing(choice.consents, optOuts)
        )
    }
}

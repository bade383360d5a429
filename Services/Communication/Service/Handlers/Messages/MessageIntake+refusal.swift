import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// What the installation had to say and could not.
extension MessageIntake {
    /// The most faults of a draft that its message's reason tells of.
    private static let mostFaultsTold = 5

    /// Stores a message that `accept` has refused as failed, so that whoever looks for it finds that nobody was told, and why.
    ///
    /// It has no words and no job, is not counted as accepted, and cannot be sent again. Refused twice it is there twice: the
    /// job that asks for it commits it with its own end.
    ///
    /// - Parameters:
    ///   - draft: without files and headers, whose faults could name what is a client's.
    ///   - problem: what `accept` threw; its detail and its faults hold no value of a patient.
    func refuse(
        _ draft: MessageDraft,
        because problem: Problem,
        from sender: Sender,
        on terms: Terms,
        in tx: borrowing Transaction
    ) throws {
        let category = draft.category ?? .care
        let reach = draft.to.explicit
        let id = MessageID(at: sender.now)
        var sealed = SealedContent(email: reach.email, phone: reach.phone, text: "")
        sealed.isRefused = true
        let sealer = try dataKeys.sealer(for: sender.clinic, in: tx)
        let message = StoredMessage(
            id: id,
            version: 1,
            status: .failed,
            channels: Self.meant(for: draft, category, terms).map(\.rawValue),
            template: draft.template,
            category: category,
            priority: draft.priority ?? .normal,
            locale: draft.locale,
            patientID: draft.to.patientId,
            reference: draft.reference,
            sealed: try sealed.seal(for: id, with: sealer),
            createdAt: sender.now,
            updatedAt: sender.now,
            sendAt: draft.sendAt,
            expiresAt: draft.expiresAt,
            reasonCode: problem.code,
            reasonDetail: Self.detail(of: problem),
            rounds: 0
        )
        MessageStore.insert(message, to: index.hashes(of: reach, sender.clinic), by: sender.actor, in: tx)
    }

    /// The channels that a draft was meant for: those that it names, else those that the clinic can send through, in its order;
    /// where it can send through none, those of its order, else e-mail.
    private static func meant(
        for draft: MessageDraft,
        _ category: MessageCategory,
        _ terms: Terms
    ) -> [MessageChannel] {
        let configured = MessageChannel.allCases.filter(terms.channels.contains)
        let usual = draft.channels ?? terms.order?.chosen(from: configured, category) ?? configured
        let meant = usual.isEmpty ? terms.order?.channels ?? [.email] : usual
        return meant.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// What is told of a problem: its faults, each at its place, where it has any.
    private static func detail(of problem: Problem) -> String {
        guard !problem.errors.isEmpty else { return problem.detail }
        let faults = problem.errors.prefix(mostFaultsTold).map { fault in
            fault.pointer.map { "\($0) \(fault.detail)" } ?? fault.detail
        }
        return faults.joined(separator: "; ")
    }
}

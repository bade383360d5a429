import CommunicationAPI
import Contracts
import Core
import Postgres

extension MessageIntake {
    /// Whom a message is for.
    struct Recipient: Sendable {
        /// Where the request names one, or a patient.
        let contact: KnownContact?
        let reach: Reach
    }

    /// What a draft comes to once nothing is wrong with it.
    struct Meaning: Sendable {
        let recipient: Recipient
        let category: MessageCategory
        let preferences: RecipientPreferences
        /// Whether the recipient wants such messages at all.
        let isWanted: Bool
        let words: MessageWords
        /// Those that reach the recipient and can carry the words, in the order of their turns.
        let channels: [MessageChannel]
        let files: [Attachment]
        /// By which the recipient ends messages like it, where it may go by e-mail: its words there say it.
        let unsubscribeLink: String?
    }

    /// Throws everything that is wrong with a draft, at once; what follows from something that is wrong is not asked.
    ///
    /// - Parameters:
    ///   - given: what it says where the draft has neither template nor content.
    ///   - isAnswer: whether somebody has just written: they are answered there, at once.
    ///   - found: what is known to be wrong with it.
    func meaning(
        of draft: MessageDraft,
        saying given: MessageSource?,
        isAnswer: Bool,
        beside found: [Problem.Fault],
        from sender: Sender,
        on terms: Terms,
        in tx: borrowing Transaction
    ) throws -> Meaning {
        var faults = Faults(found)
        faults.add(Self.timeFaults(draft, now: sender.now))
        faults.add(AddressRules.faults(draft))
        faults.add(draft.headers.map { HeaderRules.faults($0, claimed: providers.claimedHeaders) } ?? [])
        let source = try faults.collect { try given ?? self.source(of: draft, in: tx) }
        let wanted = try faults.collect { try channels(for: draft, terms.channels) }
        // Without channels nobody is reached by push, and all else is known.
        let recipient = try faults.collect { try self.recipient(of: draft, on: wanted ?? [], in: tx) }
        let files = try faults.collect { try self.files(of: draft, from: sender, in: tx) }
        guard let source, let wanted, let recipient else {
            if let source { try Self.note(&faults, of: source, on: wanted, draft) }
            throw faults.problem
        }
        let category = draft.category ?? source.category
        if draft.template != nil, source.category == .marketing, category != .marketing {
            faults.add([.init(pointer: "/category", "must be marketing, as its template is")])
        }
        let preferences =
            try isAnswer
            ? RecipientPreferences() : self.preferences(of: recipient.contact, draft, category, terms, in: tx)
        let chosen = preferences.channels(wanted, category, isAskedFor: draft.channels != nil)
        let reached = try faults.collect { () throws(Problem) in
            // An order that leaves nothing is the clinic's to mend: the recipient has refused nothing.
            guard !chosen.isEmpty || preferences.hasChannels else {
                throw Self.notConfigured(terms.order?.channels ?? wanted)
            }
            return try Self.reached(chosen.isEmpty ? wanted : chosen, recipient.reach, draft)
        }
        guard let reached else {
            try Self.note(&faults, of: source, on: wanted, draft)
            throw faults.problem
        }
        let locales = [draft.locale, recipient.contact?.locale]
        // The words say the link, so it is made before them, for whichever channel is left.
        let link = try unsubscribeLink(category, reached, recipient.reach, of: sender.clinic, in: tx)
        let clinicLocale = try link == nil ? nil : TemplateStore.clinicLocale(in: tx)
        let said = try faults.collect { () -> (MessageWords, [MessageChannel]) in
            let words = try source.words(
                in: locales,
                on: reached,
                unsubscribingBy: link,
                clinicLocale: clinicLocale
            )
            return (words, try Self.usable(reached, words, draft))
        }
        guard faults.isEmpty, let (words, channels) = said, let files else { throw faults.problem }
        return Meaning(
            recipient: recipient,
            category: category,
            preferences: preferences,
            isWanted: !chosen.isEmpty,
            words: words,
            channels: channels,
            files: files,
            unsubscribeLink: link
        )
    }

    /// Notes what is wrong with what a message says whoever it is for: nobody knows whom, or how they are reached.
    private static func note(
        _ faults: inout Faults,
        of source: MessageSource,
        on wanted: [MessageChannel]?,
        _ draft: MessageDraft
    ) throws {
        switch source {
        case .template(let template, let data): try faults.collect { try template.check(data) }
        case .words(let words):
            // Of several channels nobody knows which are left.
            if let wanted, wanted.count == 1 { try faults.collect { try usable(wanted, words, draft) } }
        }
    }
}

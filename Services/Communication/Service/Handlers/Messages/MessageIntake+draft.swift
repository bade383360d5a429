import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Vault

/// What a draft asks for, held against what the recipient, the clinic and its channels allow.
extension MessageIntake {
    /// What is wrong with a draft's times.
    static func timeFaults(_ draft: MessageDraft, now: Instant) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if let sendAt = draft.sendAt, sendAt > now + furthestSchedule {
            faults.append(.init(pointer: "/sendAt", "must be within a year"))
        }
        if let expiresAt = draft.expiresAt, expiresAt <= max(now, draft.sendAt ?? now) {
            faults.append(.init(pointer: "/expiresAt", "must be later than now and than sendAt"))
        }
        return faults
    }

    func source(of draft: MessageDraft, in tx: borrowing Transaction) throws -> MessageSource {
        switch (draft.template, draft.content) {
        case (let name?, nil): return .template(try templates.open(name, in: tx), draft.data ?? [:])
        case (nil, let content?):
            var faults = content.interactive.map { InteractiveRules.faults($0) } ?? []
            if draft.data != nil { faults.append(.init(pointer: "/data", "belongs to a template")) }
            if let subject = content.subject,
                subject.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            {
                faults.append(.init(pointer: "/content/subject", "must be one line without control characters"))
            }
            guard faults.isEmpty else { throw Problem.invalid(faults) }
            return .words(MessageWords(content, category: .care))
        default: throw Problem.invalid("", "must have exactly one of template and content")
        }
    }

    func channels(for draft: MessageDraft, _ configured: Set<MessageChannel>) throws(Problem)
        -> [MessageChannel]
    {
        let wanted = draft.channels ?? MessageChannel.allCases
        let usable = wanted.filter { configured.contains($0) }
        guard !usable.isEmpty else { throw Self.notConfigured(draft.channels ?? [.email]) }
        return usable.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    static func notConfigured(_ channels: [MessageChannel]) -> Problem {
        let names = channels.map(\.rawValue).joined(separator: ", ")
        return .conflict("channel_not_configured", "The clinic has no provider for \(names).")
    }

    /// The channels among `wanted` that there is an address for.
    static func reached(
        _ wanted: [MessageChannel],
        _ reach: Reach,
        _ draft: MessageDraft
    ) throws(Problem) -> [MessageChannel] {
        let reached = wanted.filter(reach.has)
        guard !reached.isEmpty else {
            let pointer = draft.to.patientId != nil && draft.to.explicit.isEmpty ? "/to/patientId" : "/to"
            let names = wanted.map(\.rawValue).joined(separator: ", ")
            throw .invalid(pointer, "has no address for \(names)")
        }
        return reached
    }

    /// The channels among `reached` that can carry the words.
    static func usable(
        _ reached: [MessageChannel],
        _ words: MessageWords,
        _ draft: MessageDraft
    ) throws(Problem) -> [MessageChannel] {
        // What was asked for by name and cannot be is an error; what was not is left out.
        var faults: [Problem.Fault] = []
        let hasFile = draft.attachments?.isEmpty == false
        let usable = reached.filter { channel in
            guard let fault = words.fault(on: channel, hasFile: hasFile) else { return true }
            if draft.channels != nil || reached.count == 1 { faults.append(fault) }
            return false
        }
        guard faults.isEmpty, !usable.isEmpty else {
            throw .invalid(faults.isEmpty ? [.init(pointer: "/content", "fits none of the channels")] : faults)
        }
        return usable
    }

    /// Whom a message is for, and where they are reached.
    ///
    /// - Parameter wanted: the channels that the message may take.
    func recipient(
        of draft: MessageDraft,
        on wanted: [MessageChannel],
        in tx: borrowing Transaction
    ) throws -> Recipient {
        let contact = try contact(of: draft, in: tx)
        return Recipient(contact: contact, reach: try Self.reach(of: draft, contact, on: wanted))
    }

    /// The addresses in the request, or else those known of the contact.
    ///
    /// - Parameter wanted: the channels that the message may take.
    private static func reach(
        of draft: MessageDraft,
        _ contact: KnownContact?,
        on wanted: [MessageChannel]
    ) throws(Problem) -> Reach {
        let explicit = draft.to.explicit
        if !explicit.isEmpty { return explicit }
        if let contact {
            return Reach(
                email: contact.email,
                phone: contact.phone,
                whatsAppUser: contact.whatsAppUser,
                hasDevices: wanted.contains(.push) && contact.hasDevices
            )
        }
        throw .invalid(
            "/to",
            "must have an e-mail address, a phone number, a whatsAppUserId, a pushToken, a patientId or a contactId"
        )
    }

    /// Whom a message is for, where the request says so; nobody need be known to be written to at an address in the request.
    private func contact(of draft: MessageDraft, in tx: borrowing Transaction) throws -> KnownContact? {
        let patient: ContactID? = draft.to.patientId?.retagged()
        if patient != nil, draft.to.contactId != nil {
            throw Problem.invalid("/to/contactId", "must be absent with patientId")
        }
        guard let id = draft.to.contactId ?? patient else { return nil }
        let found = try ContactStore.reach(id, dataKeys: dataKeys, in: tx)
        guard found == nil, draft.to.contactId != nil || draft.to.explicit.isEmpty else { return found }
        throw patient == nil
            ? Problem.invalid("/to/contactId", "is not a contact of the clinic")
            : Problem.invalid("/to/patientId", "is not a patient of the clinic")
    }

    /// What the recipient and the clinic want of the message.
    func preferences(
        of contact: KnownContact?,
        _ draft: MessageDraft,
        _ category: MessageCategory,
        _ terms: Terms,
        in tx: borrowing Transaction
    ) throws -> RecipientPreferences {
        var preferences = RecipientPreferences(
            category: contact?.choice.categories.first { $0.category == category },
            quietOfClinic: terms.quietHours,
            orderOfClinic: terms.order,
            zone: contact?.timeZone,
            declined: PreferenceRules.declined(contact?.choice.consents ?? [], category)
        )
        if let patient = contact?.patientID, let kind = RecipientPreferences.kind(template: draft.template, category),
            let account = try AccountPreferenceStore.find(of: patient, in: tx)
        {
            preferences.notice = account.notices.first { $0.kind == kind }
            preferences.zone = preferences.zone ?? account.timeZone
        }
        if preferences.hasQuietHours, preferences.zone == nil {
            preferences.zone = try ProjectionStore.clinicTimeZone(in: tx)
        }
        return preferences
    }

    /// When sending begins, and what for it waits until then; `nil` for at once.
    ///
    /// - Parameter preferences: the recipient's and the clinic's; `nil` for what cannot wait.
    static func start(
        of draft: MessageDraft,
        _ preferences: RecipientPreferences?,
        now: Instant
    ) -> (at: Instant, wait: MessageWait)? {
        let scheduled = draft.sendAt.flatMap { $0 > now ? $0 : nil }
        if let start = preferences?.start(scheduled ?? now), start > scheduled ?? now,
            !VisitNews.passesNight(draft.template, expiresAt: draft.expiresAt, until: start)
        {
            // What expires before is told of when it does, not in the morning.
            return (min(start, draft.expiresAt ?? start), .quietHours)
        }
        return scheduled.map { ($0, .schedule) }
    }

    /// The link by which the recipient of marketing by e-mail ends it; other channels have their STOP.
    ///
    /// `nil` too where nobody could follow it.
    ///
    /// - Parameter channels: those that it may go by.
    func unsubscribeLink(
        _ category: MessageCategory,
        _ channels: [MessageChannel],
        _ reach: Reach,
        of clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> String? {
        guard category == .marketing, channels.contains(.email),
            let address = reach.email.flatMap({ ChannelAddress(.email, $0.address) })
        else { return nil }
        let target = UnsubscribeLinks.Target(address: address, category: category)
        return try unsubscribe.link(for: target, with: try dataKeys.sealer(for: clinic, in: tx))
    }

    /// Throws 409 for marketing by e-mail without a way to end it.
    static func checkUnsubscribing(_ meaning: Meaning, on channels: [MessageChannel]) throws(Problem) {
        guard meaning.category == .marketing, channels.contains(.email), meaning.unsubscribeLink == nil else { return }
        throw .conflict(
            "unsubscribe_unavailable",
            "Marketing by e-mail needs a link to unsubscribe, and the installation has no public address."
        )
    }
}

extension RecipientDraft {
    /// The addresses that the request names itself.
    var explicit: Reach {
        Reach(email: email, phone: phone, whatsAppUser: whatsAppUserId, pushToken: pushToken)
    }
}

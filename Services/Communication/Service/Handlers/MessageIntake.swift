import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import ProviderConfig
import Vault

/// Takes messages in: checks what the schema cannot, seals, stores, and leaves the job that sends.
struct MessageIntake: Sendable {
    /// The furthest a message may be put off.
    static let furthestSchedule: Duration = .seconds(366 * 86_400)

    let templates: BuiltInTemplates
    let dataKeys: DataKeyStore
    let store: ProviderConfigStore
    let blindIndex: BlindIndex

    /// Who asks, for which clinic, and when.
    struct Sender: Sendable {
        let clinic: ClinicID
        let actor: String
        let now: Instant
    }

    /// The channels that the clinic can send through now, be it with the installation's providers.
    func configuredChannels(_ clinic: ClinicID, in tx: borrowing Transaction) throws -> Set<MessageChannel> {
        let own = try store.load(clinic, in: tx)
        var channels = Set((own?.entries ?? []).compactMap { MessageChannel(rawValue: $0.channel) })
        // Who has providers for everything is asked no more: that is the usual case.
        if own?.allowsDefault ?? true, channels.count < MessageChannel.allCases.count {
            channels.formUnion(try store.defaultProviders(in: tx).keys.compactMap { MessageChannel(rawValue: $0) })
        }
        return channels
    }

    /// Stores the message and its job; nothing is written or counted when this throws a `Problem`.
    func accept(
        _ draft: MessageDraft,
        from sender: Sender,
        channels configured: Set<MessageChannel>,
        tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> AcceptedMessage {
        try checkTimes(draft, now: sender.now)
        let (content, category) = try content(of: draft)
        let wanted = try channels(for: draft, configured)
        let sealer = try dataKeys.sealer(for: sender.clinic, in: tx)
        let reach = try reach(of: draft, sealer: sealer, in: tx)
        let channels = try Self.usable(wanted, reach: reach, content: content, draft)
        let id = MessageID(at: sender.now)
        let sealed = SealedContent(
            email: reach.email,
            phone: reach.phone,
            pushToken: reach.pushToken,
            replyTo: draft.replyTo,
            subject: content.subject,
            text: content.text,
            html: content.html
        )
        let isLater = draft.sendAt.map { $0 > sender.now } ?? false
        let message = StoredMessage(
            id: id,
            version: 1,
            status: .queued,
            channels: channels.map(\.rawValue),
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
            waitingFor: isLater ? MessageWait.schedule.rawValue : nil,
            nextAttemptAt: isLater ? draft.sendAt : nil,
            rounds: 0
        )
        MessageStore.insert(
            message,
            clinic: sender.clinic,
            email: reach.email.map { index(of: $0, sender.clinic) },
            phone: reach.phone.map { index(of: $0, sender.clinic) },
            by: sender.actor,
            in: tx
        )
        try Jobs.enqueue(
            SendMessageJob.self,
            payload: .init(message: id),
            lane: SendMessageJob.lane(of: message.priority),
            dueAt: isLater ? draft.sendAt : nil,
            in: tx
        )
        if let first = channels.first { tally.note(first) }
        return AcceptedMessage(id: id, status: .queued)
    }

    /// The keyed hash by which messages to an address are found.
    func index(of email: EmailAddress, _ clinic: ClinicID) -> [UInt8] {
        blindIndex.token(email.normalized, purpose: "message recipient", clinic: clinic)
    }

    /// The keyed hash by which messages to a number are found.
    func index(of phone: PhoneNumber, _ clinic: ClinicID) -> [UInt8] {
        blindIndex.token(phone.number, purpose: "message recipient", clinic: clinic)
    }

    private func checkTimes(_ draft: MessageDraft, now: Instant) throws(Problem) {
        var faults: [Problem.Fault] = []
        if let sendAt = draft.sendAt, sendAt > now + Self.furthestSchedule {
            faults.append(.init(pointer: "/sendAt", "must be within a year"))
        }
        if let expiresAt = draft.expiresAt, expiresAt <= max(now, draft.sendAt ?? now) {
            faults.append(.init(pointer: "/expiresAt", "must be later than now and than sendAt"))
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }

    private func content(of draft: MessageDraft) throws(Problem) -> (MessageContent, MessageCategory) {
        switch (draft.template, draft.content) {
        case (let name?, nil):
            guard let template = templates[name] else {
                throw .invalid("/template", "must be one of \(templates.names.joined(separator: ", "))")
            }
            return (try template.render(draft.data ?? [:]), draft.category ?? template.category)
        case (nil, let content?):
            if draft.data != nil { throw .invalid("/data", "belongs to a template") }
            if let subject = content.subject,
                subject.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            {
                throw .invalid("/content/subject", "must be one line without control characters")
            }
            return (content, draft.category ?? .care)
        default: throw .invalid("", "must have exactly one of template and content")
        }
    }

    private func channels(for draft: MessageDraft, _ configured: Set<MessageChannel>) throws(Problem)
        -> [MessageChannel]
    {
        let wanted = draft.channels ?? MessageChannel.allCases
        let usable = wanted.filter { configured.contains($0) }
        guard !usable.isEmpty else {
            let names = (draft.channels ?? [.email]).map(\.rawValue).joined(separator: ", ")
            throw .conflict("channel_not_configured", "The clinic has no provider for \(names).")
        }
        return usable.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The channels among `wanted` that there is an address for and that can carry the content.
    private static func usable(
        _ wanted: [MessageChannel],
        reach: Reach,
        content: MessageContent,
        _ draft: MessageDraft
    ) throws(Problem) -> [MessageChannel] {
        let reached = wanted.filter(reach.has)
        guard !reached.isEmpty else {
            let pointer = draft.to.patientId != nil && draft.to.explicit.isEmpty ? "/to/patientId" : "/to"
            let names = wanted.map(\.rawValue).joined(separator: ", ")
            throw .invalid(pointer, "has no address for \(names)")
        }
        // What was asked for by name and cannot be is an error; what was not is left out.
        var faults: [Problem.Fault] = []
        let usable = reached.filter { channel in
            guard let fault = fault(of: content, on: channel) else { return true }
            if draft.channels != nil || reached.count == 1 { faults.append(fault) }
            return false
        }
        guard faults.isEmpty, !usable.isEmpty else {
            throw .invalid(faults.isEmpty ? [.init(pointer: "/content", "fits none of the channels")] : faults)
        }
        return usable
    }

    private static func fault(of content: MessageContent, on channel: MessageChannel) -> Problem.Fault? {
        switch channel {
        case .email where content.subject == nil:
            Problem.Fault(pointer: "/content/subject", "is required for e-mail")
        case .sms, .whatsapp:
            content.text.count > TextToSend.longest
                ? Problem.Fault(pointer: "/content/text", "must be 1 to 1,600 characters for \(channel.rawValue)") : nil
        case .email, .push: nil
        }
    }

    /// The addresses in the request, or else those known of the patient.
    private func reach(of draft: MessageDraft, sealer: ClinicSealer, in tx: borrowing Transaction) throws -> Reach {
        let explicit = draft.to.explicit
        guard let id = draft.to.patientId else {
            guard !explicit.isEmpty else {
                throw Problem.invalid("/to", "must have an e-mail address, a phone number, a pushToken or a patientId")
            }
            return explicit
        }
        guard explicit.isEmpty else { return explicit }
        guard let patient = try ProjectionStore.patient(id, sealer: sealer, in: tx) else {
            throw Problem.invalid("/to/patientId", "is not a patient of the clinic")
        }
        return Reach(email: patient.email)
    }
}

extension RecipientDraft {
    /// The addresses that the request names itself.
    fileprivate var explicit: Reach { Reach(email: email, phone: phone, pushToken: pushToken) }
}

import AccessAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Vault

/// Takes messages in: checks what the schema cannot, seals, stores, and leaves the job that sends.
struct MessageIntake: Sendable {
    /// The furthest a message may be put off.
    static let furthestSchedule: Duration = .seconds(366 * 86_400)

    let templates: CompiledTemplateCache
    let dataKeys: DataKeyStore
    let store: ProviderConfigStore
    let providers: MessageProviders
    let index: AddressIndex
    let unsubscribe: UnsubscribeLinks

    /// Who asks, for which clinic, and when.
    struct Sender: Sendable {
        let clinic: ClinicID
        let actor: String
        let now: Instant
    }

    /// What a clinic's configuration says of all its messages.
    struct Terms: Sendable {
        /// The channels that the clinic can send through now, be it with the installation's providers.
        var channels: Set<MessageChannel>
        var quietHours: QuietTime?
        /// Its own order of channels.
        var order: ChannelOrder?
        /// The largest mail that any of the providers takes, in bytes; `nil` where one names no limit.
        var mailCapacity: Int?
        /// Which reminders of visits it sends.
        var reminders: [ReminderTime]
        /// Whether its texts can be answered with a word.
        var canBeAnswered: Bool
        let rules: CountryRules
    }

    /// What the clinic's configuration says now.
    func terms(of clinic: ClinicID, in tx: borrowing Transaction) throws -> Terms {
        let own = try store.load(clinic, in: tx)
        var channels = Set((own?.entries ?? []).compactMap { MessageChannel(rawValue: $0.channel) })
        let email = MessageChannel.email.rawValue
        var carriers = (own?.entries ?? []).filter { $0.channel == email }.map(\.provider)
        // Who has providers for everything is asked no more: that is the usual case.
        if own?.allowsDefault ?? true, channels.count < MessageChannel.allCases.count {
            let names = try store.defaultProviders(in: tx)
            channels.formUnion(names.keys.compactMap { MessageChannel(rawValue: $0) })
            if carriers.isEmpty { carriers = names[email] ?? [] }
        }
        let settings = own?.settings ?? [:]
        return Terms(
            channels: channels,
            quietHours: QuietTime(settings: settings),
            order: ChannelOrder(settings: settings),
            mailCapacity: providers.capacity(of: carriers),
            reminders: ReminderRules.wanted(settings),
            canBeAnswered: TextSenders.canBeAnswered(channels, own: own?.entries ?? [], by: providers),
            rules: CountryRules(settings: settings)
        )
    }

    /// Stores the message and its job; nothing is written or counted when this throws a `Problem`.
    ///
    /// - Parameters:
    ///   - given: what it says where the draft has neither template nor content.
    ///   - entry: whose number or address was written to: whoever has just written is answered there, at once.
    ///   - confirmed: what it confirms, where they have written of messages themselves.
    ///   - found: what is known to be wrong with the draft; it is told with all else.
    func accept(
        _ draft: MessageDraft,
        saying given: MessageSource? = nil,
        answeringThrough entry: ProviderEntryID? = nil,
        confirming confirmed: OptOutConfirmation? = nil,
        beside found: [Problem.Fault] = [],
        from sender: Sender,
        on terms: Terms,
        tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> AcceptedMessage {
        let meaning = try meaning(
            of: draft,
            saying: given,
            isAnswer: entry != nil,
            beside: found,
            from: sender,
            on: terms,
            in: tx
        )
        let (words, preferences, category) = (meaning.words, meaning.preferences, meaning.category)
        let (contact, reach) = (meaning.recipient.contact, meaning.recipient.reach)
        let canWait = RecipientPreferences.canWait(draft.priority ?? .normal, category)
        let start = Self.start(of: draft, canWait ? preferences : nil, now: sender.now)
        let channels = try terms.rules.permitted(
            meaning.channels,
            to: reach.phone,
            saying: words[.sms],
            category,
            // A code whose text may not go by SMS goes by the other channel.
            isAskedFor: draft.channels != nil && category != .security,
            at: start?.at ?? sender.now
        )
        try Self.checkCarried(draft, meaning, on: channels, terms)
        try Self.checkUnsubscribing(meaning, on: channels)
        let files = meaning.files
        let sealer = try dataKeys.sealer(for: sender.clinic, in: tx)
        let id = MessageID(at: sender.now)
        var sealed = words.sealed(for: channels, to: reach)
        sealed.replyTo = draft.replyTo
        sealed.headers = draft.headers
        sealed.through = entry
        sealed.confirms = confirmed
        sealed.contact = entry == nil ? contact?.id : nil
        sealed.isForDevices = reach.hasDevices && channels.contains(.push) ? true : nil
        sealed.isAskedFor = draft.channels == nil ? nil : true
        sealed.quiet = QuietPeriods(
            (canWait ? preferences.quietPeriods : [])
                + (channels.contains(.sms) ? terms.rules.callingPeriods(for: reach.phone, category) : [])
        )
        sealed.unsubscribeLink = channels.contains(.email) ? meaning.unsubscribeLink : nil
        sealed.attachments = files.isEmpty ? nil : files.map(\.file)
        let isWanted = meaning.isWanted
        let message = StoredMessage(
            id: id,
            version: 1,
            status: isWanted ? .queued : .suppressed,
            channels: channels.map(\.rawValue),
            template: draft.template,
            templateVersion: words.version,
            category: category,
            priority: draft.priority ?? .normal,
            locale: draft.locale ?? contact?.locale,
            patientID: draft.to.patientId ?? contact?.patientID,
            reference: draft.reference,
            sealed: try sealed.seal(for: id, with: sealer),
            createdAt: sender.now,
            updatedAt: sender.now,
            sendAt: draft.sendAt,
            expiresAt: draft.expiresAt,
            // What the recipient does not want ends before anybody is called.
            reasonCode: isWanted ? nil : SuppressionRules.notWanted.code,
            reasonDetail: isWanted ? nil : SuppressionRules.notWanted.detail,
            waitingFor: isWanted ? start?.wait.rawValue : nil,
            nextAttemptAt: isWanted ? start?.at : nil,
            rounds: 0
        )
        MessageStore.insert(message, to: index.hashes(of: reach, sender.clinic), by: sender.actor, in: tx)
        try AttachmentStore.insert(files, of: id, sealer: sealer, in: tx)
        if let first = channels.first { tally.note(first) }
        guard isWanted else { return AcceptedMessage(id: id) }
        try SendMessageJob.enqueue(
            id,
            course: message.course,
            priority: message.priority,
            dueAt: start?.at,
            in: tx
        )
        return AcceptedMessage(id: id)
    }

    /// The files of a message; throws 422 for those that may not go with one, 413 where they are too large together.
    func files(of draft: MessageDraft, from sender: Sender, in tx: borrowing Transaction) throws -> [Attachment] {
        guard let drafts = draft.attachments, !drafts.isEmpty else { return [] }
        let uploads = UploadStore(sealer: try dataKeys.sealer(for: sender.clinic, in: tx))
        let usable = try uploads.usable(drafts.compactMap(\.attachmentId), at: sender.now, in: tx)
        return try AttachmentRules.files(drafts, uploads: usable)
    }

    /// Throws 422 for what none of the channels carries, 413 where none of the clinic's providers can carry the files.
    private static func checkCarried(
        _ draft: MessageDraft,
        _ meaning: Meaning,
        on channels: [MessageChannel],
        _ terms: Terms
    ) throws(Problem) {
        let files = meaning.files.map(\.file)
        if channels.contains(.email) {
            guard let most = terms.mailCapacity, !files.isEmpty, EmailSize.estimate(files) > most else { return }
            throw AttachmentRules.tooLarge("As the clinic's providers take a mail, its files", most)
        }
        var faults = Faults()
        if draft.headers != nil {
            faults.add([.init(pointer: "/headers", "go by e-mail, and the message does not")])
        }
        if !files.isEmpty, !channels.contains(.whatsapp) {
            faults.add([.init(pointer: "/attachments", "go by e-mail or WhatsApp, and the message does not")])
        } else if !files.isEmpty, let fault = WhatsAppMedia.fault(files, with: meaning.words[.whatsapp]) {
            faults.add([.init(pointer: "/attachments", fault)])
        }
        try faults.check()
    }
}

import CommunicationAPI
import Core
import Jobs
import Outbox
import Postgres
import ProviderConfig

/// Takes in what patients have written: kept once, understood where it is a command, and told to others.
struct InboundIntake: Sendable {
    /// What a suppression says of where it comes from.
    private static let source = "keyword"

    let store: InboundStore
    let suppressions: SuppressionStore
    let addresses: AddressIndex

    /// What was made of a text.
    private struct Meaning {
        var command: InboundCommand?
        /// The visit that it is about.
        var appointment: AppointmentID?
        /// What it says, where a command may be among it.
        var said: String?
        /// Whether it may ask for something of a visit.
        var isAboutVisits = true
    }

    /// Texts that were taken before change nothing.
    func take(
        _ texts: [InboundText],
        through entry: ProviderEntry,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let sealer = try suppressions.dataKeys.sealer(for: clinic, in: tx)
        for text in texts {
            let address = text.from
            let said = Self.time(of: text, takenAt: now)
            let index = addresses.token(address, clinic)
            let aliases = try aliases(of: text, index, clinic, in: tx)
            if text.channel == .whatsapp {
                let number = ConversationWindows.number(entry.provider, text.to)
                for index in [index] + aliases {
                    ConversationWindowStore.note(number, index, at: said, in: tx)
                }
            }
            let names = [index] + aliases + addresses.formerTokens(of: address, clinic)
            let meaning = try meaning(of: text, names, through: entry.provider, at: said, in: tx)
            let alsoCancels = try Self.cancelsVisit(text, meaning, names, at: said, in: tx)
            let command: InboundCommand? = alsoCancels ? .cancel : meaning.command
            guard
                let kept = try store.keep(
                    text,
                    contactIndex: index,
                    command: command,
                    through: entry,
                    at: now,
                    in: tx
                )
            else { continue }
            try fetch(text.fetchable, of: kept.id, at: now, in: tx)
            try keepFiles(of: text, kept.id, with: sealer, at: now, in: tx)
            // Who writes first and is nobody's patient is a contact from then on.
            let contacts = try ContactStore.findOrMake(address, index: addresses, sealer: sealer, at: now, in: tx)
            if let alias = text.alias {
                ContactStore.link(alias, to: contacts, index: addresses, clinic: clinic, in: tx)
            }
            let isNewest = try applyOptOut(text, meaning.command, [index] + aliases, clinic, at: said, in: tx)
            // An e-mail shows whose it is only where it answers one of ours.
            if text.channel != .email || meaning.said != nil {
                let told = text.alias.map { addresses.token(ChannelAddress($0), clinic) }
                for index in [index] + (told.map { [$0] } ?? []) {
                    try SuppressionStore.disproveBounce(
                        channel: text.channel,
                        addressIndex: index,
                        until: said + OptOutRecorder.clockDifference,
                        toldBy: entry.provider,
                        "heard",
                        in: tx
                    )
                }
            }
            if let answer = Self.answer(
                to: text,
                command,
                saying: meaning.said,
                kept.id,
                writtenAt: said,
                isNewest: isNewest
            ) {
                try Jobs.enqueue(NoticeJob.self, payload: .answer(answer), in: tx)
            }
            try Outbox.append(
                InboundMessageReceived(
                    id: kept.id,
                    conversationId: kept.conversation,
                    channel: text.channel,
                    command: command?.rawValue,
                    choice: command == nil && meaning.isAboutVisits
                        ? meaning.said.flatMap { InboundChoice.read($0) } : nil,
                    appointmentId: meaning.appointment,
                    patientIds: try ContactStore.patients(index, in: tx),
                    receivedAt: now
                ),
                aggregate: kept.id.description,
                version: 1,
                actor: ProviderActor.name(entry.provider),
                in: tx
            )
        }
    }

    /// Does what texts say of messages themselves, for a clinic that they may not be meant for: they are neither kept nor told to
    /// anybody, nor answered.
    ///
    /// Texts that were heeded before change nothing.
    func applyOptOuts(
        _ texts: [InboundText],
        through entry: ProviderEntry,
        webhook: RequestID,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        for text in texts {
            guard let command = Self.optOutCommand(text),
                try DeliveryStore.isFirst(
                    "text:\(text.providerMessageID)",
                    kind: command.rawValue,
                    by: entry,
                    webhook: webhook,
                    at: now,
                    in: tx
                )
            else { continue }
            let index = addresses.token(text.from, clinic)
            let said = Self.time(of: text, takenAt: now)
            let indexes = try [index] + aliases(of: text, index, clinic, in: tx)
            try applyOptOut(text, command, indexes, clinic, at: said, in: tx)
        }
    }

    /// What is answered without asking another service, unless the provider answers these words itself.
    ///
    /// Nothing is confirmed from another number than the one that was written to.
    ///
    /// - Parameters:
    ///   - words: what it says, where a command may be among it.
    ///   - isNewest: whether nothing newer is known of what they say of messages themselves.
    private static func answer(
        to text: InboundText,
        _ command: InboundCommand?,
        saying words: String?,
        _ question: InboundMessageID,
        writtenAt: Instant,
        isNewest: Bool
    ) -> AnswerNotice? {
        if text.optOut != nil { return nil }
        if command == .help { return .help(question) }
        guard isNewest, !text.isConfirmed, text.isToOwnNumber, let confirmed = OptOutConfirmation(of: command) else {
            return nil
        }
        let language = words.flatMap { InboundCommands.language(of: $0) }
        return .confirmation(of: confirmed, question, in: language, writtenAt: writtenAt)
    }

    /// When a text was written: where nobody tells, when it came.
    private static func time(of text: InboundText, takenAt now: Instant) -> Instant { min(text.at ?? now, now) }

    /// STOP or START, where the text says either.
    static func optOutCommand(_ text: InboundText) -> InboundCommand? {
        switch command(text) {
        case .stop: .stop
        case .start: .start
        case .confirm, .cancel, .reschedule, .yes, .no, .help, nil: nil
        }
    }

    /// By what else WhatsApp knows the sender: what they say of messages is about the person, not the name they go by.
    private func aliases(
        of text: InboundText,
        _ index: [UInt8],
        _ clinic: ClinicID,
        in tx: borrowing Transaction
    ) throws -> [[UInt8]] {
        guard text.channel == .whatsapp else { return [] }
        let told = text.alias.map { addresses.token(ChannelAddress($0), clinic) }
        let known = try ContactStore.aliases(index, in: tx)
        return known + (told.map { known.contains($0) ? [] : [$0] } ?? [])
    }

    /// Has files fetched that the provider holds.
    private func fetch(
        _ places: [Int],
        of message: InboundMessageID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        InboundFileStore.note(places, of: message, at: now, in: tx)
        for place in places {
            _ = try Jobs.enqueue(
                FetchFileJob.self,
                payload: .init(message: message, place: place),
                lane: .bulk,
                in: tx
            )
        }
    }

    /// Keeps the files that came with a text, as far as they may be.
    private func keepFiles(
        of text: InboundText,
        _ message: InboundMessageID,
        with sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        var room = InboundFileRules.mostBytes
        for (place, bytes) in text.contents.sorted(by: { $0.key < $1.key }) where text.media.indices.contains(place) {
            let found =
                text.withheld.map { FetchedFile.refused($0) }
                ?? InboundFileRules.judge(bytes, text.media[place], room: room)
            if case .kept = found { room -= bytes.count }
            try InboundFileStore.add(found, of: message, place, with: sealer, at: now, in: tx)
        }
    }

    /// What a text asks for, which visit it is about, and what it says where that may be asked for.
    ///
    /// What was asked of visits before something else was is not asked for any more: people read it. They also read what answers a
    /// bill or an offer by its name, or a message that nobody here knows, as one of other software on the number: it asks for
    /// nothing of visits. Whoever writes an e-mail can claim to be anybody: it asks for something only where it answers a message of
    /// ours.
    private func meaning(
        of text: InboundText,
        _ indexes: [[UInt8]],
        through provider: String,
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> Meaning {
        guard text.channel == .email else {
            let answered = try InboundStore.answered(text.answers, by: indexes, in: tx)
            guard try Self.mayBeAboutVisits(text, answering: answered, indexes, through: provider, in: tx) else {
                let command = Self.command(text)
                let ends = command == .cancel && InboundCommands.endsWithoutVisit(text)
                return Self.meaning(apartFromVisits: ends ? .stop : command, saying: text.text)
            }
            let command = try Self.upToDate(Self.command(text), on: text.channel, indexes, at: said, in: tx)
            let appointment = try Self.appointment(answering: answered, indexes, with: command, at: said, in: tx)
            if command == .cancel, InboundCommands.endsWithoutVisit(text) {
                let patients = try indexes.flatMap { try ContactStore.patients($0, in: tx) }
                let hasVisit = try VisitStore.isAwaited(appointment, by: patients, at: said, in: tx)
                return Meaning(command: hasVisit ? .cancel : .stop, appointment: appointment, said: text.text)
            }
            return Meaning(command: command, appointment: appointment, said: text.text)
        }
        guard !text.isAutomatic, let index = indexes.first,
            let answered = try InboundStore.answered(
                text.answers.compactMap { MailNames.local($0) },
                by: [index],
                in: tx
            )
        else { return Meaning() }
        let words = QuotedHistory.stripped(text.text)
        let command = InboundCommands.read(words, from: nil)
        guard answered.isAboutVisits else { return Self.meaning(apartFromVisits: command, saying: words) }
        return Meaning(command: command, appointment: answered.visit(meantBy: command), said: words)
    }

    /// Whether a text that is no e-mail may ask for something of a visit.
    ///
    /// Not where it names a message that is about none, or that nobody here knows. Whoever names their own words answers what came
    /// before them.
    private static func mayBeAboutVisits(
        _ text: InboundText,
        answering answered: AnsweredMessage?,
        _ indexes: [[UInt8]],
        through provider: String,
        in tx: borrowing Transaction
    ) throws -> Bool {
        if let answered { return answered.isAboutVisits }
        if text.answers.isEmpty { return true }
        return try InboundStore.answersOwn(text.answers, by: indexes, through: provider, in: tx)
    }

    /// What is left of a text that answers a message about something else than visits.
    private static func meaning(apartFromVisits command: InboundCommand?, saying words: String) -> Meaning {
        Meaning(command: command?.concernsVisit == true ? nil : command, said: words, isAboutVisits: false)
    }

    /// The visit that a text is about: that of the message which WhatsApp says it answers, else of the last one to its sender.
    private static func appointment(
        answering answered: AnsweredMessage?,
        _ indexes: [[UInt8]],
        with command: InboundCommand?,
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> AppointmentID? {
        if let answered, !answered.isExplanation { return answered.visit(meantBy: command) }
        return try InboundStore.appointment(repliedTo: indexes, with: command, at: said, in: tx)
    }

    /// A command, unless it is about visits and something was said of those after it.
    private static func upToDate(
        _ command: InboundCommand?,
        on channel: MessageChannel,
        _ indexes: [[UInt8]],
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> InboundCommand? {
        guard let command, command.concernsVisit, let index = indexes.first else { return command }
        return try LatestInstructionStore.note(.visits, ends: true, on: channel, index, saidAt: said, in: tx)
            ? command : nil
    }

    /// A word that the provider has taken for an end is one for us as well: it does not send to the number any more.
    private static func command(_ text: InboundText) -> InboundCommand? {
        switch text.optOut {
        case .stop: .stop
        case .start: .start
        case .help, nil: wanted(by: text)
        }
    }

    /// What its sender asks for: whoever presses something sees what stands on it, and means what it was made with.
    private static func wanted(by text: InboundText) -> InboundCommand? {
        let written = InboundCommands.read(text.text, from: text.phone)
        guard let payload = text.payload else { return written }
        return PressedCommand.read(payload, under: written)
    }

    /// Whether a text that the provider has taken for an end of messages was written to cancel a visit, and so ends both.
    private static func cancelsVisit(
        _ text: InboundText,
        _ meaning: Meaning,
        _ indexes: [[UInt8]],
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        guard meaning.isAboutVisits, text.optOut == .stop, wanted(by: text) == .cancel else { return false }
        let patients = try indexes.flatMap { try ContactStore.patients($0, in: tx) }
        guard try VisitStore.isAwaited(meaning.appointment, by: patients, at: said, in: tx) else { return false }
        return try upToDate(.cancel, on: text.channel, indexes, at: said, in: tx) != nil
    }

    /// - Parameter said: when it was written.
    /// - Returns: whether it says something of messages themselves, and nothing newer is known.
    @discardableResult
    private func applyOptOut(
        _ text: InboundText,
        _ command: InboundCommand?,
        _ indexes: [[UInt8]],
        _ clinic: ClinicID,
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        switch command {
        case .stop, .start:
            // What was kept under another form of the number is lifted with the rest; nothing is kept under it any more.
            let indexes = indexes + (command == .start ? addresses.formerTokens(of: text.from, clinic) : [])
            let change = OptOutRecorder.Change(
                isWanted: command == .start,
                category: nil,
                channel: text.channel,
                addresses: indexes.enumerated().map { ($1, $0 == 0 ? text.from.text : nil) },
                source: Self.source,
                at: said
            )
            return try OptOutRecorder(suppressions: suppressions).record(change, in: tx)
        case .confirm, .cancel, .reschedule, .yes, .no, .help, nil: return false
        }
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// Where an inbound message stands once it is kept.
struct KeptInbound: Sendable, Equatable {
    var id: InboundMessageID
    var conversation: ConversationID
}

/// A message of ours that somebody has answered.
struct AnsweredMessage: Sendable, Equatable {
    /// What it was about.
    var appointment: AppointmentID?
    var template: String?
    var category: MessageCategory

    /// Whether a word about visits can be meant for it: nobody calls off a visit by an answer to a bill.
    var isAboutVisits: Bool { category == .care || appointment != nil }

    /// Whether it only explains what can be answered.
    var isExplanation: Bool { template.map { AnswerRules.explanations.contains($0) } ?? false }

    /// The visit that is meant by a word in answer to it.
    func visit(meantBy command: InboundCommand?) -> AppointmentID? {
        if command == .no, let template, AnswerRules.leavingVisits.contains(template) { return nil }
        return appointment
    }
}

/// The tables `conversations` and `inbound_messages`, in transactions that are opened for the clinic.
struct InboundStore: Sendable {
    /// The appointments that a reply can be about have been written of so recently.
    static let replyTime: Duration = .seconds(14 * 86_400)
    /// Messages to one number within so long of each other are read together: reminders of a family's visits, or of two on one
    /// day, come close to each other.
    static let togetherTime: Duration = .seconds(3 * 3_600)
    /// Of a number's messages so many of the newest are looked at for the one that is answered.
    private static let mostLookedAt = 100
    private static let purpose = "conversation"
    private static let appointmentPrefix = "appointment:"

    let dataKeys: DataKeyStore

    /// Keeps a text in its contact's conversation, which it opens when it is the first; `nil` when the text is there already.
    ///
    /// First texts that arrive at once wait for one another here and find themselves in one conversation.
    func keep(
        _ text: InboundText,
        contactIndex: [UInt8],
        command: InboundCommand?,
        through entry: ProviderEntry,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> KeptInbound? {
        guard let clinic = tx.tenant?.clinic else { return nil }
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        let contact = try sealer.seal(Array(text.from.text.utf8), purpose: Self.purpose, record: contactIndex.hex)
        let conversations = try tx.rows(
            """
            insert into conversations (clinic_id, id, channel, contact_index, sealed, opened_at, heard_at)
            values (clinic_id(), \(ConversationID(at: now)), \(text.channel.rawValue), \(contactIndex), \(contact), \(now), \(now))
            on conflict (clinic_id, channel, contact_index) do update set
                heard_at = greatest(conversations.heard_at, excluded.heard_at)
            returning id
            """
        )
        guard let conversation: ConversationID = try conversations.first?[0] else { return nil }
        let kept = KeptInbound(id: InboundMessageID(at: now), conversation: conversation)
        let content = InboundContent(text)
        let rows = try tx.rows(
            """
            insert into inbound_messages (clinic_id, id, conversation_id, provider, entry_id, provider_message_id, sealed, command,
                received_at)
            values (clinic_id(), \(kept.id), \(conversation), \(entry.provider), \(entry.id), \(text.providerMessageID),
                \(try content.seal(for: kept.id, with: sealer)), \(command?.rawValue), \(now))
            on conflict (clinic_id, provider, provider_message_id) do nothing
            """
        )
        return rows.affected == 1 ? kept : nil
    }

    /// Lets a conversation by WhatsApp go on with another address of the same person, unless it has one already.
    static func move(
        from old: [UInt8],
        to address: ChannelAddress,
        _ new: [UInt8],
        with sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws {
        let sealed = try sealer.seal(Array(address.text.utf8), purpose: purpose, record: new.hex)
        tx.execute(
            """
            update conversations set contact_index = \(new), sealed = \(sealed)
            where clinic_id = clinic_id() and channel = 'whatsapp' and contact_index = \(old)
                and not exists (select from conversations o
                    where o.clinic_id = clinic_id() and o.channel = 'whatsapp' and o.contact_index = \(new))
            """
        )
    }

    /// Whose conversation it is: the address as it was written.
    static func address(_ sealed: [UInt8], contactIndex: [UInt8], with sealer: ClinicSealer) throws -> String {
        String(
            decoding: try sealer.open(sealed, purpose: purpose, record: contactIndex.hex),
            as: UTF8.self
        )
    }

    /// The appointment that the last text to somebody's number was about, if it was about one.
    ///
    /// Texts that are still to be sent, or went to nobody, are not what is answered. Bills and codes that came in between are passed
    /// over, unless what was written is a no: that may be meant for them; so is what explained commands. When another visit, be it of
    /// the same patient, was told of at about the same time and may still be meant by a command, nobody knows which one is: `nil`.
    ///
    /// - Parameter said: when it was written: what was sent after that is not what is answered.
    static func appointment(
        repliedTo phoneIndexes: [[UInt8]],
        with command: InboundCommand?,
        at said: Instant,
        in tx: borrowing Transaction
    ) throws -> AppointmentID? {
        let rows = try tx.rows(
            """
            select m.reference, m.template, m.category, a.sent_at from (
                select id, reference, template, category from messages
                where clinic_id = clinic_id() and phone_index = any (\(ByteColumns(phoneIndexes)))
                    and created_at <= \(said + OptOutRecorder.clockDifference) and (\(command == .no) or category = 'care')
                order by created_at desc limit \(mostLookedAt)
            ) m cross join lateral (
                select max(started_at) as sent_at from message_attempts
                where clinic_id = clinic_id() and message_id = m.id and channel in ('sms', 'whatsapp')
                    and (outcome is null or outcome in ('accepted', 'unknown_outcome'))
                    and started_at between \(said - replyTime) and \(said + OptOutRecorder.clockDifference)
            ) a where a.sent_at is not null and (m.template is null or m.template <> all (\(AnswerRules.explanations)))
            order by a.sent_at desc
            """
        )
        guard let row = rows.first, let visit = try answered(rows)?.visit(meantBy: command) else { return nil }
        // A number that chooses among offered times is no command: whose times they were is known, and what was read since counts.
        guard command != nil else { return visit }
        let newest: Instant = try row[3]
        let together = try rows.compactMap { row -> AppointmentID? in
            let (reference, at): (String?, Instant) = (try row[0], try row[3])
            return at > newest - togetherTime ? appointment(reference) : nil
        }
        guard together.contains(where: { $0 != visit }) else { return visit }
        let possible = try VisitStore.notOver(together, at: said, in: tx)
        // Of what is over nothing can be changed, whichever was meant.
        return possible.contains(visit) && possible.count > 1 ? nil : visit
    }

    /// The message of ours that somebody answers, by what the provider calls it and however old it is; `nil` where it is none to
    /// them.
    ///
    /// Anybody can write an e-mail in somebody's name, but only who got a message knows what it is called.
    static func answered(
        _ names: [String],
        by indexes: [[UInt8]],
        in tx: borrowing Transaction
    ) throws -> AnsweredMessage? {
        guard !names.isEmpty else { return nil }
        let rows = try tx.rows(
            """
            select m.reference, m.template, m.category from message_attempts a
            join messages m on m.clinic_id = a.clinic_id and m.id = a.message_id
            where a.clinic_id = clinic_id() and a.provider_message_id = any (\(names))
                and (m.recipient_index = any (\(ByteColumns(indexes))) or m.phone_index = any (\(ByteColumns(indexes))))
            order by m.created_at desc limit 1
            """
        )
        return try answered(rows)
    }

    /// Whether somebody answers a text that they wrote themselves, by what the provider calls it.
    static func answersOwn(
        _ names: [String],
        by indexes: [[UInt8]],
        through provider: String,
        in tx: borrowing Transaction
    ) throws -> Bool {
        let rows = try tx.rows(
            """
            select exists (
                select from inbound_messages i
                join conversations c on c.clinic_id = i.clinic_id and c.id = i.conversation_id
                where i.clinic_id = clinic_id() and i.provider = \(provider) and i.provider_message_id = any (\(names))
                    and c.contact_index = any (\(ByteColumns(indexes)))
            )
            """
        )
        guard let row = rows.first else { return false }
        return try row[0]
    }

    /// The first of some messages, of which the reference, the template and the category come first.
    private static func answered(_ rows: Rows) throws -> AnsweredMessage? {
        guard let row = rows.first else { return nil }
        let category: String = try row[2]
        return AnsweredMessage(
            appointment: appointment(try row[0]),
            template: try row[1],
            category: MessageCategory(rawValue: category) ?? .care
        )
    }

    private static func appointment(_ reference: String?) -> AppointmentID? {
        guard let reference, reference.hasPrefix(appointmentPrefix) else { return nil }
        return AppointmentID(String(reference.dropFirst(appointmentPrefix.count)))
    }
}

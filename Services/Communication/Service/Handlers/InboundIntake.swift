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
            guard let address = ChannelAddress(text.channel, text.from.number) else { continue }
            let index = addresses.token(address, clinic)
            if text.channel == .whatsapp {
                let number = ConversationWindows.number(entry.provider, text.to)
                ConversationStore.note(number, index, at: min(text.at ?? now, now), in: tx)
            }
            let command = Self.command(text)
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
            // Who writes first and is nobody's patient is a contact from then on.
            _ = try ContactStore.findOrMake(address, index: addresses, sealer: sealer, at: now, in: tx)
            try obey(text, command, index, at: now, in: tx)
            // Some providers answer that one themselves, and say so.
            if command == .help, text.optOut == nil {
                try Jobs.enqueue(NoticeJob.self, payload: .answer(.help(kept.id)), in: tx)
            }
            try Outbox.append(
                InboundMessageReceived(
                    id: kept.id,
                    conversationId: kept.conversation,
                    channel: text.channel,
                    command: command?.rawValue,
                    choice: command == nil ? InboundChoice.read(text.text) : nil,
                    appointmentId: try InboundStore.appointment(repliedTo: index, at: now, in: tx),
                    patientIds: try ContactStore.patients(index, in: tx),
                    receivedAt: now
                ),
                aggregate: kept.id.description,
                version: 1,
                actor: "provider:\(entry.provider)",
                in: tx
            )
        }
    }

    /// A word that the provider has taken for an end is one for us as well: it does not send to the number any more.
    private static func command(_ text: InboundText) -> InboundCommand? {
        switch text.optOut {
        case .stop: .stop
        case .start: .start
        case .help, nil: InboundCommands.read(text.text, from: text.from)
        }
    }

    private func obey(
        _ text: InboundText,
        _ command: InboundCommand?,
        _ index: [UInt8],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        switch command {
        case .stop:
            try suppressions.add(
                channel: text.channel,
                addressIndex: index,
                address: text.from.number,
                reason: .stop,
                source: Self.source,
                at: now,
                in: tx
            )
        case .start:
            _ = try SuppressionStore.remove(channel: text.channel, addressIndex: index, reason: .stop, in: tx)
        case .confirm, .cancel, .reschedule, .yes, .no, .help, nil: break
        }
    }
}

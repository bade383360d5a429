import CommunicationAPI
import Core
import Postgres

/// The table `latest_words`, in transactions that are opened for the clinic: by address, channel and subject the newest
/// instruction a person has given.
///
/// The last one wins by `saidAt`, so that a late or repeated webhook changes nothing.
enum LatestInstructionStore {
    /// What an instruction is about.
    enum Subject: Sendable, Equatable {
        /// Messages of a category; of all where it is `nil`.
        case messages(MessageCategory?)
        case visits

        fileprivate var name: String {
            switch self {
            case .messages(let category): category?.rawValue ?? "all"
            case .visits: "visits"
            }
        }
    }

    /// Notes an instruction unless a newer one is known; whether it is the newest.
    ///
    /// Of two at the same time the opt-out wins.
    static func note(
        _ subject: Subject,
        ends: Bool,
        on channel: MessageChannel,
        _ addressIndex: [UInt8],
        saidAt: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        try tx.rows(
            """
            insert into latest_words (clinic_id, address_index, channel, subject, ends, said_at)
            values (clinic_id(), \(addressIndex), \(channel.rawValue), \(subject.name), \(ends), \(saidAt))
            on conflict (clinic_id, address_index, channel, subject) do update
                set ends = excluded.ends, said_at = excluded.said_at
            where excluded.said_at > latest_words.said_at
                or (excluded.said_at = latest_words.said_at and (excluded.ends or not latest_words.ends))
            """
        ).affected == 1
    }

    /// Whether what a person has said last was, after a moment, that they want something again.
    static func hasBegunAgain(
        _ subject: Subject,
        on channel: MessageChannel,
        _ addressIndex: [UInt8],
        after moment: Instant,
        in tx: borrowing Transaction
    ) throws -> Bool {
        try !tx.rows(
            """
            select 1 from latest_words where clinic_id = clinic_id() and address_index = \(addressIndex)
                and channel = \(channel.rawValue) and subject = \(subject.name) and not ends and said_at > \(moment)
            """
        ).isEmpty
    }
}

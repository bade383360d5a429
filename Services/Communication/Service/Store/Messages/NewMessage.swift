import CommunicationAPI
import Core
import Postgres

/// The keyed hashes by which messages to somebody are found.
struct AddressHashes: Sendable {
    var email: [UInt8]?
    var phone: [UInt8]?
    /// Of an app that the message names; which of a contact's it goes to is known only when it is sent.
    var push: [UInt8]?
}

/// A row of `messages` that is to be written, together with all others of its transaction.
struct NewMessage: BatchedRow {
    let message: StoredMessage
    let addresses: AddressHashes
    let actor: String

    static func statements(for rows: [NewMessage]) -> [Query] {
        let messages = rows.map(\.message)
        return [
            """
            insert into messages (clinic_id, id, status, channels, template, template_version, category, priority, locale,
                patient_id, reference, recipient_index, phone_index, push_index, sealed, created_by, created_at, updated_at,
                send_at, expires_at, waiting_for, next_attempt_at, reason_code, reason_detail)
            select clinic_id(), m.id, m.status, string_to_array(m.channels, ','), m.template, m.template_version, m.category,
                m.priority, m.locale, m.patient_id, m.reference, m.recipient_index, m.phone_index, m.push_index, m.sealed,
                m.created_by, m.created_at, m.updated_at, m.send_at, m.expires_at, m.waiting_for, m.next_attempt_at,
                m.reason_code, m.reason_detail
            from unnest(\(messages.map(\.id)), \(messages.map(\.status.rawValue)),
                \(messages.map { $0.channels.joined(separator: ",") }), \(OptionalColumns(messages.map(\.template))),
                \(OptionalColumns(messages.map(\.templateVersion))), \(messages.map(\.category.rawValue)),
                \(messages.map(\.priority.rawValue)), \(OptionalColumns(messages.map(\.locale))),
                \(OptionalColumns(messages.map(\.patientID))), \(OptionalColumns(messages.map(\.reference))),
                \(ByteColumns(rows.map(\.addresses.email))), \(ByteColumns(rows.map(\.addresses.phone))),
                \(ByteColumns(rows.map(\.addresses.push))), \(ByteColumns(messages.map(\.sealed))), \(rows.map(\.actor)),
                \(messages.map(\.createdAt)), \(messages.map(\.updatedAt)), \(OptionalColumns(messages.map(\.sendAt))),
                \(OptionalColumns(messages.map(\.expiresAt))), \(OptionalColumns(messages.map(\.waitingFor))),
                \(OptionalColumns(messages.map(\.nextAttemptAt))), \(OptionalColumns(messages.map(\.reasonCode))),
                \(OptionalColumns(messages.map(\.reasonDetail))))
                as m (id, status, channels, template, template_version, category, priority, locale, patient_id, reference,
                    recipient_index, phone_index, push_index, sealed, created_by, created_at, updated_at, send_at, expires_at,
                    waiting_for, next_attempt_at, reason_code, reason_detail)
            """
        ]
    }
}

import Core

/// One thing that a provider tells of one message, and of one recipient where it names any.
struct DeliveryReport: Sendable, Equatable {
    /// The longest id of a provider that is kept, in bytes.
    static let longestID = 200

    /// The same in each delivery of the same webhook, and another for everything else that the provider tells.
    var id: String
    /// Ours, as it was given with the message; `nil` when it names none.
    var message: MessageID?
    /// The provider's own id of the message.
    var providerMessageID: String?
    var event: DeliveryEvent
    /// Whom it is about, as the provider writes it; `nil` when it names nobody.
    var recipient: String?
    /// The provider's code for what went wrong; a token, never free text.
    var code: String?
    /// What is wrong with the account, where it was `rejected` for that.
    var fault: AccountFault?

    /// The same of each recipient of a webhook; of nobody in particular when it names none.
    static func each(
        _ recipients: [String],
        id: String,
        message: MessageID?,
        providerMessageID: String?,
        _ event: DeliveryEvent,
        code: String? = nil,
        fault: AccountFault? = nil
    ) -> [DeliveryReport] {
        let about: [String?] = recipients.isEmpty ? [nil] : recipients
        return about.enumerated().map { index, recipient in
            DeliveryReport(
                id: index == 0 ? id : "\(id):\(index)",
                message: message,
                providerMessageID: providerMessageID,
                event: event,
                recipient: recipient,
                code: code,
                fault: fault
            )
        }
    }
}

import Contracts

/// Who the messages of one webhook come from: a message names its sender by number, by user id or by both, and what else is
/// known of them stands beside the messages.
struct MetaSenders: Sendable {
    struct Sender: Sendable, Equatable {
        /// Digits, as Meta writes numbers; `nil` of who hides theirs.
        var number: String?
        /// What WhatsApp calls them towards the business.
        var user: String?
        /// As they call themselves.
        var name: String?
    }

    private let known: [Sender]

    init(_ contacts: JSONValue?) {
        known = MetaWebhooks.items(contacts).map { contact in
            Sender(
                number: contact["wa_id"]?.string,
                user: contact["user_id"]?.string,
                name: contact["profile"]?["name"]?.string
            )
        }
    }

    /// Who has sent a message.
    func sender(of message: JSONValue) -> Sender {
        let (number, user) = (message["from"]?.string, message["from_user_id"]?.string)
        let isNamed = number != nil || user != nil
        let contact = known.first { contact in
            // A webhook about one person need not say again who it was.
            guard isNamed else { return known.count == 1 }
            return (number != nil && contact.number == number) || (user != nil && contact.user == user)
        }
        return Sender(number: number ?? contact?.number, user: user ?? contact?.user, name: contact?.name)
    }
}

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
    /// Where each number, and each user, stands first among them: there are many messages to ask for, and many to look among.
    private let byNumber: [String: Int]
    private let byUser: [String: Int]

    init(_ contacts: JSONValue?) {
        let known = MetaWebhooks.items(contacts).map { contact in
            Sender(
                number: contact["wa_id"]?.string,
                user: contact["user_id"]?.string,
                name: contact["profile"]?["name"]?.string
            )
        }
        func places(_ name: (Sender) -> String?) -> [String: Int] {
            let named = known.enumerated().compactMap { place, sender in name(sender).map { ($0, place) } }
            return Dictionary(named) { first, _ in first }
        }
        self.known = known
        byNumber = places(\.number)
        byUser = places(\.user)
    }

    /// Who has sent a message.
    func sender(of message: JSONValue) -> Sender {
        let (number, user) = (message["from"]?.string, message["from_user_id"]?.string)
        let contact = self.contact(number, user)
        return Sender(number: number ?? contact?.number, user: user ?? contact?.user, name: contact?.name)
    }

    /// The first that has the number or the user id.
    private func contact(_ number: String?, _ user: String?) -> Sender? {
        // A webhook about one person need not say again who it was.
        guard number != nil || user != nil else { return known.count == 1 ? known.first : nil }
        return [number.flatMap { byNumber[$0] }, user.flatMap { byUser[$0] }].compactMap { $0 }.min().map { known[$0] }
    }
}

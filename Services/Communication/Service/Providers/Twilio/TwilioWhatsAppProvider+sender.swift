import CommunicationAPI
import Contracts
import Core

extension TwilioWhatsAppProvider: SenderDirectory {
    /// What WhatsApp says of the account's content templates; of numbers Twilio's API says nothing.
    func sender(deadline: Deadline) async -> [SenderFinding] {
        guard let answer = await messages.approvals(deadline: deadline), answer.status == 200,
            case .array(let items) = answer.json["contents"]
        else { return [WhatsAppSenderRules.templates(nil)] }
        let templates = items.compactMap { item -> (name: String, state: String)? in
            guard let name = ProviderVerdict.token(item["friendly_name"]?.string ?? item["sid"]?.string) else {
                return nil
            }
            // Ours are for conversations, and are submitted to nobody.
            if name.hasPrefix(TwilioChoices.Shape.prefix) { return nil }
            return (name, ProviderVerdict.token(item["approval_requests"]?["status"]?.string) ?? "unsubmitted")
        }
        return [WhatsAppSenderRules.templates(templates)]
    }
}

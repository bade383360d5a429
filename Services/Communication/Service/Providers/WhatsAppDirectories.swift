import CommunicationAPI
import Contracts
import Core

extension MetaWhatsAppProvider: SenderDirectory {
    private static let numberFields = "quality_rating,verified_name,code_verification_status,name_status,status"

    /// The number, and where the account is named its templates.
    func sender(deadline: Deadline) async -> [SenderFinding] {
        async let number = http.json(get("\(phoneNumberID)?fields=\(Self.numberFields)"), deadline)
        async let listed = templates(deadline)
        guard let answer = await number, answer.status == 200 else { return [await listed] }
        return WhatsAppSenderRules.number(answer.json) + [await listed]
    }

    private func templates(_ deadline: Deadline) async -> SenderFinding {
        guard let account = businessAccountID,
            let answer = await http.json(
                get("\(account)/message_templates?fields=name,status,language&limit=200"),
                deadline
            ), answer.status == 200, case .array(let items) = answer.json["data"]
        else { return WhatsAppSenderRules.templates(nil) }
        return WhatsAppSenderRules.templates(
            items.compactMap { item in
                guard let name = ProviderVerdict.token(item["name"]?.string),
                    let state = ProviderVerdict.token(item["status"]?.string)
                else { return nil }
                return (name, state)
            }
        )
    }

    private func get(_ path: String) -> ProviderCall { ProviderCall("GET", "\(root)/\(path)", bearer: token) }
}

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

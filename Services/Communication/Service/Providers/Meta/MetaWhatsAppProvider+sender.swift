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

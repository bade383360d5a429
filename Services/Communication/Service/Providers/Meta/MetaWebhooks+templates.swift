import CommunicationAPI
import Contracts
import Core

/// What Meta tells of a clinic's templates.
extension MetaWebhooks {
    /// States in which a template cannot be sent.
    private static let refusals: Set<String> = ["REJECTED", "PAUSED", "DISABLED", "FLAGGED", "PENDING_DELETION"]

    /// Templates belong to an account, not to a number: who has not named the account is told nothing.
    static func alerts(_ webhook: JSONValue, of place: Place) -> [ProviderAlert] {
        guard let account = place.businessAccountID else { return [] }
        return webhook["entry"]?.list.filter { $0["id"]?.string == account }
            .flatMap { $0["changes"]?.list ?? [] }
            .filter { $0["field"]?.string == "message_template_status_update" }
            .compactMap { $0["value"].flatMap(refusal) } ?? []
    }

    private static func refusal(_ value: JSONValue) -> ProviderAlert? {
        guard let state = value["event"]?.string?.uppercased(), refusals.contains(state),
            let name = ProviderVerdict.token(value["message_template_name"]?.string)
        else { return nil }
        let language = ProviderVerdict.token(value["message_template_language"]?.string).map { " (\($0))" } ?? ""
        return ProviderAlert(kind: .templateRejected, subject: "\(name)\(language), \(state.lowercased())")
    }
}

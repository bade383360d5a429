import CommunicationAPI
import Contracts
import Core

/// What providers say of a WhatsApp number and of its account's templates.
enum WhatsAppSenderRules {
    /// Templates that are named; of more only the number is said.
    static let mostNamed = 5

    /// Meta's phone number.
    static func number(_ answer: JSONValue) -> [SenderFinding] {
        let wanted = [
            ("code_verification_status", ["VERIFIED"]), ("name_status", ["APPROVED", "AVAILABLE_WITHOUT_REVIEW"]),
            ("status", ["CONNECTED"]),
        ]
        let wrong = wanted.compactMap { field, good -> String? in
            guard let state = ProviderVerdict.token(answer[field]?.string), !good.contains(state) else { return nil }
            return "\(field) \(state)"
        }
        let number = SenderFinding(
            aspect: .number,
            state: wrong.isEmpty ? .passed : .failed,
            detail: wrong.isEmpty
                ? "The number is verified and connected." : "The number is not ready: \(wrong.joined(separator: ", "))."
        )
        return [number, quality(answer["quality_rating"]?.string)]
    }

    private static func quality(_ rating: String?) -> SenderFinding {
        let (state, detail): (SenderFinding.State, String) =
            switch rating {
            case "GREEN": (.passed, "The number's quality is high.")
            case "YELLOW": (.failed, "The number's quality is medium: people have blocked or reported it.")
            case "RED": (.failed, "The number's quality is low: WhatsApp may limit it.")
            default: (.unknown, "The number has no quality rating yet.")
            }
        return SenderFinding(aspect: .quality, state: state, detail: detail)
    }

    /// - Parameter templates: names with their states as the provider spells them; `nil` where it would not say.
    static func templates(_ templates: [(name: String, state: String)]?) -> SenderFinding {
        guard let templates else {
            return SenderFinding(
                aspect: .templates,
                state: .unknown,
                detail: "The provider does not show the account's templates with these credentials."
            )
        }
        let waiting = templates.filter { $0.state.uppercased() != "APPROVED" }
        guard !waiting.isEmpty, !templates.isEmpty else {
            let detail =
                templates.isEmpty ? "The account has no templates." : "All \(templates.count) templates are approved."
            return SenderFinding(aspect: .templates, state: templates.isEmpty ? .failed : .passed, detail: detail)
        }
        let named = waiting.prefix(mostNamed).map { "\($0.name) (\($0.state.lowercased()))" }.joined(separator: ", ")
        let more = waiting.count > mostNamed ? " and \(waiting.count - mostNamed) more" : ""
        return SenderFinding(
            aspect: .templates,
            state: .failed,
            detail: "\(waiting.count) of \(templates.count) templates are not approved: \(named)\(more)."
        )
    }
}

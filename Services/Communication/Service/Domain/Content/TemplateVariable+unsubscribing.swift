import CommunicationAPI
import Contracts

extension TemplateVariable {
    /// The link by which the recipient ends messages like this one: e-mails of marketing are given it, nobody declares it.
    static let unsubscribeLink = TemplateVariable(
        name: "unsubscribeLink",
        type: .link,
        confidential: true,
        example: .string(exampleOfUnsubscribeLink)
    )

    /// Stands in where a preview has no recipient.
    static let exampleOfUnsubscribeLink = "https://clinic.example.org/api/v1/public/unsubscribe/a1b2c3"
}

import CommunicationAPI
import Core
import Outbound
import ProviderConfig

/// SMS through Amazon SNS, published straight to a number.
///
/// It tells nobody what became of a message but CloudWatch.
struct AWSSNSTextProvider: TextProvider, HTTPProvider {
    static let channel = MessageChannel.sms
    static let name = "aws_sns"
    static let keys = AWSSNSAccount.keys + [.optional("senderId")]
    /// What an account begins with.
    static let usualRate = 20.0

    private let account: AWSSNSAccount
    private let senderID: String?

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let account = AWSSNSAccount(credentials, base: Self.base(credentials), through: transports) else {
            return nil
        }
        self.account = account
        senderID = credentials.text("senderId")
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? {
        AWSSNSWebhooks(sns: transports.shared(SNSVerifier(transports)))
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults = AWSSNSAccount.faults(credentials)
        if let sender = credentials.text("senderId"), !isSenderID(sender) {
            faults.append(.init("senderId", "must be 3 to 11 letters and digits, with at least one letter"))
        }
        return faults + endpointFaults(credentials, policy)
    }

    static func usualBase(_ credentials: Credentials) -> String { AWSSNSAccount.usualBase(credentials) }

    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict {
        await account.verdict("Publish", parameters(text), deadline: deadline, reading: AWSSNSReply.published)
    }

    /// Asks how much the account may spend on texts; who may only send is let in all the same.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await account.verdict(
            "GetSMSAttributes",
            [("attributes.member.1", "MonthlySpendLimit")],
            deadline: deadline,
            reading: AWSSNSReply.textHealth
        )
    }

    /// The request that hands a message over.
    func sending(_ text: TextToSend, at now: Instant) throws -> ProviderCall {
        try account.call("Publish", parameters(text), at: now)
    }

    private func parameters(_ text: TextToSend) -> FormBody.Pairs {
        // Without a type SNS takes every text for advertising, which carriers hold back at night.
        let type = text.category == .marketing ? "Promotional" : "Transactional"
        var attributes = [(name: "AWS.SNS.SMS.SMSType", value: type)]
        if let sender = text.dlt?.header ?? senderID {
            attributes.append((name: "AWS.SNS.SMS.SenderID", value: sender))
        }
        if let dlt = text.dlt {
            attributes += [
                (name: "AWS.MM.SMS.EntityId", value: dlt.entityID),
                (name: "AWS.MM.SMS.TemplateId", value: dlt.templateID),
            ]
        }
        return [("PhoneNumber", text.to.address), ("Message", text.text)] + AWSSNSAccount.attributes(attributes)
    }

    private static func isSenderID(_ text: String) -> Bool {
        (3...11).contains(text.utf8.count) && text.utf8.contains(where: \.isLetter)
            && text.utf8.allSatisfy(\.isLetterOrDigit)
    }
}

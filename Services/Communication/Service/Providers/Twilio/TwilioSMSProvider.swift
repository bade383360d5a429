import CommunicationAPI
import Core
import Outbound
import ProviderConfig

/// SMS through Twilio, from one number or a messaging service.
struct TwilioSMSProvider: TextProvider, HTTPProvider {
    static let channel = MessageChannel.sms
    static let name = "twilio"
    static let keys = TwilioMessages.keys + [.optional("dltEntityId")]
    static let oneOf = [["fromNumber", "messagingServiceSid"]]
    /// What one number may send in most countries.
    static let usualRate = 10.0

    let messages: TwilioMessages
    private let sender: Sender
    /// Whose texts the account sends to India; `nil` where it does not say.
    private let dltEntityID: String?

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let messages = TwilioMessages(credentials, base: Self.base(credentials), through: transports) else {
            return nil
        }
        self.messages = messages
        dltEntityID = credentials.text("dltEntityId")
        if let service = credentials.text("messagingServiceSid") {
            sender = .service(service)
        } else if let number = credentials.text("fromNumber") {
            sender = .number(number)
        } else {
            return nil
        }
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { true }

    /// A name instead of a number takes no answers.
    static func hears(_ credentials: Credentials) -> Bool {
        credentials.text("messagingServiceSid") != nil || credentials.text("fromNumber")?.hasPrefix("+") == true
    }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { TwilioWebhooks() }

    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? {
        TwilioMedia(http: transports.http)
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if let service = credentials.text("messagingServiceSid"), !TwilioMessages.isSID(service, "MG") {
            faults.append(.init("messagingServiceSid", "must be MG and 32 hexadecimal digits"))
        }
        if let number = credentials.text("fromNumber"), !isSender(number) {
            let wrong = "must be an E.164 number, a short code, or up to 11 letters and digits"
            faults.append(.init("fromNumber", wrong))
        }
        return faults + TwilioMessages.faults(credentials) + endpointFaults(credentials, policy)
    }

    static func usualBase(_ credentials: Credentials) -> String { TwilioMessages.usualBase(credentials) }

    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict {
        if let dlt = text.dlt, let dltEntityID, dlt.entityID != dltEntityID { return .otherDLTEntity }
        return await messages.send(form(text, at: .now()), deadline: deadline)
    }

    func check(deadline: Deadline) async -> ProviderVerdict { await messages.check(deadline: deadline) }

    /// The request that hands a message over.
    func sending(_ text: TextToSend, at now: Instant) -> ProviderCall { messages.sending(form(text, at: now)) }

    private func form(_ text: TextToSend, at now: Instant) -> FormBody.Pairs {
        [("To", text.to.address), origin(of: text), ("Body", text.text)] + messages.terms(of: text, at: now)
    }

    /// In India a text comes from the header that it is registered with.
    ///
    /// A messaging service stays: Twilio takes it or a sender, and it chooses among its own by the country, so there the header is
    /// entered at Twilio.
    private func origin(of text: TextToSend) -> (name: String, value: String) {
        switch sender {
        case .service(let service): ("MessagingServiceSid", service)
        case .number(let number): ("From", text.dlt?.header ?? number)
        }
    }

    /// What texts come from.
    private enum Sender {
        case number(String)
        case service(String)
    }

    private static func isSender(_ text: String) -> Bool {
        if PhoneNumber(text) != nil { return true }
        if text.utf8.allSatisfy(\.isDigit) { return (3...8).contains(text.utf8.count) }
        return (1...11).contains(text.utf8.count) && text.utf8.contains(where: \.isLetter)
            && text.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: " ") }
    }
}

extension ProviderVerdict {
    /// A text of another entity than the account is registered for with the DLT platforms of India: carriers would drop it.
    fileprivate static let otherDLTEntity = ProviderVerdict(
        .senderNotAuthorised,
        host: .untried,
        code: "dlt_entity",
        detail: "The account's dltEntityId is another DLT entity than the one in settings.countryRules."
    )
}

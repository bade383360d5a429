import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// WhatsApp through Twilio: free text within a conversation, an approved template to begin one.
struct TwilioWhatsAppProvider: TextProvider, HTTPProvider {
    static let channel = MessageChannel.whatsapp
    static let name = "twilio"
    static let keys = TwilioMessages.keys + [.text("whatsappNumber")]
    /// What one WhatsApp sender may send.
    static let usualRate = 80.0

    let messages: TwilioMessages
    private let number: String
    private let contents: TwilioContents

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let messages = TwilioMessages(credentials, base: Self.base(credentials), through: transports),
            let number = credentials.text("whatsappNumber").flatMap(Self.number)
        else { return nil }
        self.messages = messages
        self.number = number
        contents = transports.shared(TwilioContents())
    }

    /// Templates are approved for one account and have names of their own there, a conversation is open with one number, and files
    /// are fetched.
    static var accountRefusals: Set<String> {
        let verdicts: [ProviderVerdict] = [.outsideWindow, .unknownTemplate, .unreachableFile]
        return Set(["63016", "63019", "63027", "63028", "63029"] + verdicts.compactMap(\.code))
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { true }
    static func hears(_ credentials: Credentials) -> Bool { true }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { TwilioWebhooks() }

    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? {
        TwilioMedia(http: transports.http)
    }

    /// Its templates have names of their own.
    static func approved(_ words: RenderedContent) -> ApprovedTemplate? { words.approvedByTwilio ?? words.approved }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if credentials.text("whatsappNumber").flatMap(number) == nil {
            faults.append(.init("whatsappNumber", "must be an E.164 number"))
        }
        return faults + TwilioMessages.faults(credentials) + endpointFaults(credentials, policy)
    }

    static func usualBase(_ credentials: Credentials) -> String { TwilioMessages.usualBase(credentials) }

    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict {
        let now = Instant.now()
        guard isOpen(text, at: now) || text.approved != nil else { return .outsideWindow }
        if text.file != nil, text.fileURL == nil, isOpen(text, at: now) { return .unreachableFile }
        if let verdict = await offer(text, at: now, deadline: deadline) { return verdict }
        guard let form = try? form(text, at: now) else { return .unknownTemplate }
        let verdict = await messages.send(form, deadline: deadline)
        // What got an id is told of by callbacks: they decide.
        guard verdict.code == String(TwilioReply.outsideWindowCode), verdict.messageID == nil,
            let template = text.asTemplate
        else {
            return verdict
        }
        return await send(template, deadline: deadline)
    }

    /// Sends what is to be pressed within a conversation; `nil` where there is nothing to press, or Twilio cannot have it
    /// pressed: then the text goes alone.
    private func offer(_ text: TextToSend, at now: Instant, deadline: Deadline) async -> ProviderVerdict? {
        guard let interactive = text.interactive, text.file == nil, isOpen(text, at: now),
            let choices = TwilioChoices(interactive, text: text.text),
            let sid = await contents.sid(of: choices.shape, in: messages),
            let form = try? offering(choices, by: sid, text, at: now)
        else { return nil }
        let verdict = await messages.send(form, deadline: deadline)
        guard verdict.outcome == .contentRejected else { return verdict }
        contents.forget(choices.shape, in: messages)
        return nil
    }

    /// The parameters that hand over what is to be pressed.
    func offering(_ choices: TwilioChoices, by sid: String, _ text: TextToSend, at now: Instant) throws
        -> FormBody.Pairs
    {
        let variables = String(decoding: try JSONWriter.encode(choices.variables), as: UTF8.self)
        return places(of: text) + [("ContentSid", sid), ("ContentVariables", variables)]
            + messages.terms(of: text, at: now)
    }

    func check(deadline: Deadline) async -> ProviderVerdict { await messages.check(deadline: deadline) }

    /// The request that hands a message over.
    func sending(_ text: TextToSend, at now: Instant) throws -> ProviderCall {
        messages.sending(try form(text, at: now))
    }

    private struct NotAContentSID: Error {}

    private func form(_ text: TextToSend, at now: Instant) throws -> FormBody.Pairs {
        places(of: text) + (try content(text, at: now)) + messages.terms(of: text, at: now)
    }

    private func places(of text: TextToSend) -> FormBody.Pairs {
        [("To", TwilioMessages.whatsAppPrefix + text.to.address), ("From", TwilioMessages.whatsAppPrefix + number)]
    }

    func isOpen(_ text: TextToSend, at now: Instant) -> Bool {
        text.windows.isOpen(from: ConversationWindows.number(Self.name, number), at: now)
    }

    private func content(_ text: TextToSend, at now: Instant) throws -> FormBody.Pairs {
        guard let approved = text.approved, !isOpen(text, at: now) else {
            // Twilio fetches files.
            let media = text.file == nil ? nil : text.fileURL
            return [("Body", text.text)] + (media.map { [("MediaUrl", $0)] } ?? [])
        }
        guard TwilioMessages.isSID(approved.name, "HX") else { throw NotAContentSID() }
        if approved.parameters.isEmpty { return [("ContentSid", approved.name)] }
        let numbered = approved.parameters.enumerated().map { ("\($0.offset + 1)", JSONValue.string($0.element)) }
        let variables = try JSONWriter.encode(JSONValue.object(Dictionary(numbered) { first, _ in first }))
        return [("ContentSid", approved.name), ("ContentVariables", String(decoding: variables, as: UTF8.self))]
    }

    /// The console shows numbers with `whatsapp:` before them.
    private static func number(_ text: String) -> String? {
        let prefix = TwilioMessages.whatsAppPrefix
        return PhoneNumber(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)?.number
    }
}

extension ProviderVerdict {
    /// A file that Twilio would have to fetch.
    fileprivate static let unreachableFile = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "media_url",
        detail: "The provider fetches files, and the installation has no public address."
    )

    /// A template that Twilio has under another kind of name.
    fileprivate static let unknownTemplate = ProviderVerdict(
        .contentRejected,
        host: .untried,
        code: "content_sid",
        detail: "The approved template's name is not the provider's HX… id."
    )
}

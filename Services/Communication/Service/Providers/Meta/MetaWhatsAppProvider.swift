import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// Meta's WhatsApp Cloud API: free text while somebody's conversation with the number is open, else a template it approved.
struct MetaWhatsAppProvider: TextProvider, HTTPProvider {
    static let channel = MessageChannel.whatsapp
    static let name = "meta"
    static let keys: [CredentialShape.Key] = [
        .secret("accessToken"), .text("phoneNumberId").naming, .optional("businessAccountId"),
        .secret(MetaWebhooks.key).signing, .secret("verifyToken").upTo(WebhookHandshake.longestToken),
    ]
    /// Typed into the app's settings; webhooks are signed with another secret.
    static let handshakeKey: String? = "verifyToken"
    /// What a number begins with; what comes in counts too.
    static let usualRate = 80.0
    /// The version of the Graph API that is called; an `endpoint` that ends with another one is called by that.
    static let graphVersion = "v26.0"
    /// What the health check asks a number for.
    static let healthFields =
        "health_status,quality_rating,code_verification_status,name_status,status,throughput,messaging_limit_tier"

    let root: String
    let token: Secret
    let phoneNumberID: String
    /// `nil` where the clinic has named none.
    let businessAccountID: String?
    let http: OutboundHTTP

    init?(_ credentials: Credentials, through transports: ProviderTransports) {
        guard let token = credentials.text("accessToken"), let number = credentials.text("phoneNumberId") else {
            return nil
        }
        self.token = Secret(token)
        phoneNumberID = number
        businessAccountID = credentials.text("businessAccountId")
        http = transports.http
        root = Self.root(credentials)
    }

    /// Where the Graph API is for an entry, with its version.
    static func root(_ credentials: Credentials) -> String {
        let base = base(credentials)
        return isVersioned(base) ? base : "\(base)/\(graphVersion)"
    }

    static var takesUserIDs: Bool { true }

    /// Templates and their parameters are approved for one account, and a conversation is open with one number.
    static var accountRefusals: Set<String> {
        let codes = [
            MetaReply.outsideWindowCode, 132_000, 132_001, 132_005, 132_007, 132_008, 132_012, 132_015, 132_016,
        ]
        return Set(codes.map(String.init) + [ProviderVerdict.outsideWindow].compactMap(\.code))
    }

    static func givesReceipts(_ credentials: Credentials) -> Bool { true }
    static func hears(_ credentials: Credentials) -> Bool { true }

    static func webhookReader(through transports: ProviderTransports) -> (any WebhookReader)? { MetaWebhooks() }

    static func mediaKeeper(through transports: ProviderTransports) -> (any MediaKeeper)? {
        MetaMedia(http: transports.http)
    }

    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        for key in ["phoneNumberId", "businessAccountId"] {
            // An id stands in a path: what is no number could lead elsewhere.
            if let id = credentials.text(key), !isID(id) {
                faults.append(.init(key, "must be the id that Meta shows, digits only"))
            }
        }
        return faults + keyFaults(credentials, "accessToken") + endpointFaults(credentials, policy)
    }

    static func usualBase(_ credentials: Credentials) -> String { "https://graph.facebook.com" }

    func send(_ text: TextToSend, deadline: Deadline) async -> ProviderVerdict {
        let now = Instant.now()
        var media: String?
        if let file = text.file, isOpen(text, at: now) {
            switch await upload(file, deadline: deadline) {
            case .id(let id): media = id
            case .refused(let verdict): return verdict
            }
        }
        if let media, let file = text.file, WhatsAppMedia.kind(of: file) == .audio {
            return await send(sound: media, then: text, at: now, deadline: deadline)
        }
        guard let call = try? sending(text, media: media, at: now) else { return .outsideWindow }
        let verdict = await http.verdict(call, deadline: deadline, reading: MetaReply.verdict)
        guard verdict.code == String(MetaReply.outsideWindowCode), let template = text.asTemplate else {
            return verdict
        }
        return await send(template, deadline: deadline)
    }

    /// Hands a sound over, and then what is said with it as an answer to it: WhatsApp shows no text beside a sound.
    private func send(
        sound: String,
        then text: TextToSend,
        at now: Instant,
        deadline: Deadline
    ) async -> ProviderVerdict {
        var words = text
        words.file = nil
        guard let first = try? sending(text, sound: sound) else { return .outsideWindow }
        let heard = await http.verdict(first, deadline: deadline, reading: MetaReply.verdict)
        guard heard.outcome == .accepted else { return heard }
        guard let second = try? sending(words, answering: heard.messageID, at: now) else { return heard }
        var said = await http.verdict(second, deadline: deadline, reading: MetaReply.verdict)
        if said.outcome != .accepted {
            // Handed over again, the sound would come twice.
            said.outcome = .unknownOutcome
            said.detail = "The provider took the sound and not the text with it."
        }
        return said
    }

    /// Asks how the number is doing.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await http.verdict(
            ProviderCall("GET", "\(root)/\(phoneNumberID)?fields=\(Self.healthFields)", bearer: token),
            deadline: deadline,
            reading: MetaReply.health
        )
    }

    private enum Uploaded {
        case id(String)
        case refused(ProviderVerdict)
    }

    /// Leaves a file with Meta for the message that names it; a file that got lost is no message that did.
    private func upload(_ file: Attachment, deadline: Deadline) async -> Uploaded {
        var verdict: ProviderVerdict
        do throws(OutboundFailure) {
            let response = try await http.send(uploading(file), deadline: deadline)
            if let id = MetaReply.mediaID(response) { return .id(id) }
            verdict = MetaReply.verdict(response)
        } catch {
            verdict = ProviderVerdict(failure: error)
        }
        if [.accepted, .unknownOutcome].contains(verdict.outcome) { verdict.outcome = .transient }
        return .refused(verdict)
    }

    /// The request that leaves a file with Meta.
    func uploading(_ file: Attachment, form: MultipartForm = MultipartForm()) -> ProviderCall {
        var (form, call) = (form, ProviderCall("POST", "\(root)/\(phoneNumberID)/media", bearer: token))
        form.add("messaging_product", "whatsapp")
        var file = file
        file.file.contentType = WhatsAppMedia.type(of: file)
        form.add("type", file.file.contentType)
        form.add("file", file: file)
        form.end()
        call.headers.append((name: "Content-Type", value: form.contentType))
        call.body = form.bytes
        return call
    }

    func isOpen(_ text: TextToSend, at now: Instant) -> Bool { text.windows.isOpen(from: number, at: now) }

    /// The number as conversations name it.
    private var number: String { ConversationWindows.number(Self.name, phoneNumberID) }

    /// The request that hands a message over; `nil` where it would take a template to begin, and there is none.
    ///
    /// - Parameters:
    ///   - media: Meta's id of the message's file.
    ///   - answered: the provider's id of the message that it answers.
    func sending(
        _ text: TextToSend,
        media: String? = nil,
        answering answered: String? = nil,
        at now: Instant
    ) throws -> ProviderCall? {
        var body = frame(of: text)
        if let answered { body["context"] = ["message_id": .string(answered)] }
        if isOpen(text, at: now) {
            body.merge(MetaContent.free(text, media: media)) { $1 }
        } else if let approved = text.approved {
            body["type"] = "template"
            body["template"] = MetaContent.template(approved)
        } else {
            return nil
        }
        return try messagesCall(body)
    }

    /// The request that hands a message's sound over.
    func sending(_ text: TextToSend, sound media: String) throws -> ProviderCall {
        try messagesCall(frame(of: text).merging(MetaContent.sound(media)) { $1 })
    }

    /// Whom a message is for, and what comes back with what became of it: our id and nothing else.
    private func frame(of text: TextToSend) -> [String: JSONValue] {
        var body: [String: JSONValue] = [
            "messaging_product": "whatsapp", "recipient_type": "individual",
            "biz_opaque_callback_data": .string(text.id.description),
        ]
        switch text.to {
        case .phone(let phone): body["to"] = .string(String(phone.number.dropFirst()))
        case .whatsAppUser(let user): body["recipient"] = .string(user.id)
        }
        return body
    }

    private func messagesCall(_ body: [String: JSONValue]) throws -> ProviderCall {
        var call = ProviderCall("POST", "\(root)/\(phoneNumberID)/messages", bearer: token)
        try call.carry(.object(body))
        return call
    }

    private static func isID(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy(\.isDigit)
    }

    /// Whether a base URL ends with a version like `v26.0`.
    private static func isVersioned(_ base: String) -> Bool {
        guard let last = base.split(separator: "/").last, last.first == "v" else { return false }
        let parts = last.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(\.isDigit) }
    }
}

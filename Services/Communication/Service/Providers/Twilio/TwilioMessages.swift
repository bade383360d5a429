import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// An account of Twilio's Messages API (twilio.com/docs/messaging/api/message-resource), which sends both SMS and WhatsApp.
struct TwilioMessages: Sendable {
    /// Seconds for which Twilio may keep a message that it cannot hand on yet; the most when nothing is said.
    static let validity: ClosedRange<Int64> = 1...36_000
    /// Callbacks that were answered with a fault of ours, or not at all, come again so many times.
    static let callbackRetries = "#rc=5&rp=5xx,ct,rt"
    /// What a WhatsApp number has before it.
    static let whatsAppPrefix = "whatsapp:"
    /// Where content templates are, of every region.
    static let contentBase = "https://content.twilio.com"
    private static let path = "/2010-04-01/Accounts"
    /// Where the API is, by the region that keeps the account's messages.
    private static let bases = [
        usualRegion: "https://api.twilio.com", "ie1": "https://api.dublin.ie1.twilio.com",
        "au1": "https://api.sydney.au1.twilio.com",
    ]
    /// The region of accounts that name none.
    private static let usualRegion = "us1"
    /// What both channels' credentials have.
    static let keys: [CredentialShape.Key] = [
        .text("accountSid").naming, .secret(TwilioWebhooks.key).signing, .optional("region"),
        .init("discardContent", form: .choice(["true", "false"]), isRequired: false),
    ]

    private let base: String
    private let account: String
    private let token: Secret
    private let http: OutboundHTTP
    /// Whether Twilio is to forget what messages said once they are sent, which the account's message redaction lets it do.
    private let discardsContent: Bool
    /// Whether it is called at Twilio's own address.
    private let isUsualBase: Bool

    init?(_ credentials: Credentials, base: String, through transports: ProviderTransports) {
        // What was kept before regions were checked leads nowhere.
        guard let account = credentials.text("accountSid"), let token = credentials.text("authToken"),
            Self.base(of: credentials) != nil
        else { return nil }
        self.base = base
        self.account = account
        self.token = Secret(token)
        http = transports.http
        discardsContent = credentials.text("discardContent") == "true"
        isUsualBase = credentials.text("endpoint") == nil
    }

    /// What is wrong with what both channels' credentials have.
    static func faults(_ credentials: Credentials) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if !isSID(credentials.text("accountSid"), "AC") {
            faults.append(.init("accountSid", "must be AC and 32 hexadecimal digits"))
        }
        if base(of: credentials) == nil {
            let known = bases.keys.sorted().joined(separator: ", ")
            faults.append(.init("region", "must be \(known), the regions of Twilio's API"))
        }
        return faults
    }

    /// Where the API is, in the account's region.
    static func usualBase(_ credentials: Credentials) -> String {
        base(of: credentials) ?? bases[usualRegion] ?? ""
    }

    /// `nil` for a region that Twilio has none in.
    private static func base(of credentials: Credentials) -> String? {
        bases[credentials.text("region") ?? usualRegion]
    }

    /// Whether a text is an id of a kind: two letters and 32 hexadecimal digits.
    static func isSID(_ text: String?, _ kind: String) -> Bool {
        guard let text, text.hasPrefix(kind), text.utf8.count == 34 else { return false }
        return [UInt8](hex: text.dropFirst(2)) != nil
    }

    func send(_ form: FormBody.Pairs, deadline: Deadline) async -> ProviderVerdict {
        await http.verdict(sending(form), deadline: deadline, reading: TwilioReply.verdict)
    }

    /// Asks for the account itself.
    func check(deadline: Deadline) async -> ProviderVerdict {
        await http.verdict(call("GET", "\(Self.path)/\(account).json"), deadline: deadline, reading: TwilioReply.health)
    }

    /// Where the account's messages are.
    var listPath: String { "\(Self.path)/\(account)/Messages.json" }

    func fetch(_ path: String, deadline: Deadline) async throws(OutboundFailure) -> OutboundResponse {
        try await http.send(call("GET", path), deadline: deadline)
    }

    /// What contents are known by: the account, where it is called.
    var place: String { "\(base)/\(account)" }

    /// Asks for the account's contents, or for one more.
    func contents(
        _ method: String,
        _ path: String,
        _ content: JSONValue? = nil,
        deadline: Deadline
    ) async -> (status: Int, json: JSONValue)? {
        var call = call(method, path, at: isUsualBase ? Self.contentBase : base)
        if let content {
            guard (try? call.carry(content)) != nil else { return nil }
        }
        return await http.json(call, deadline)
    }

    /// The account's content templates, each with what WhatsApp says of it.
    func approvals(deadline: Deadline) async -> (status: Int, json: JSONValue)? {
        let place = isUsualBase ? Self.contentBase : base
        return await http.json(call("GET", "/v1/ContentAndApprovals?PageSize=100", at: place), deadline)
    }

    /// The request that hands a message over.
    func sending(_ form: FormBody.Pairs) -> ProviderCall {
        var call = call("POST", listPath)
        call.headers.append((name: "Content-Type", value: FormBody.mediaType))
        call.body = FormBody.encode(form)
        return call
    }

    /// How long a message may wait, where to tell what becomes of it, and whether what it says is kept.
    ///
    /// Numbers are always kept: without them Twilio heeds no STOP.
    func terms(of text: TextToSend, at now: Instant) -> FormBody.Pairs {
        var pairs: FormBody.Pairs = []
        if let expiresAt = text.expiresAt {
            let left = (expiresAt - now).components.seconds
            pairs.append(("ValidityPeriod", "\(min(max(left, Self.validity.lowerBound), Self.validity.upperBound))"))
        }
        if let url = text.statusURL {
            // Our id stands in the address: a message whose answer was lost is known again by it alone.
            pairs.append(("StatusCallback", "\(url)?message=\(text.id)\(Self.callbackRetries)"))
        }
        if discardsContent { pairs.append(("ContentRetention", "discard")) }
        return pairs
    }

    private func call(_ method: String, _ path: String, at place: String? = nil) -> ProviderCall {
        let pair = Base64.encode(Array("\(account):\(token.unredacted)".utf8))
        return ProviderCall(
            method: method,
            url: (place ?? base) + path,
            headers: [
                (name: "Authorization", value: "Basic \(pair)"), (name: "Accept", value: "application/json"),
                (name: "User-Agent", value: ProviderCall.userAgent),
            ]
        )
    }
}

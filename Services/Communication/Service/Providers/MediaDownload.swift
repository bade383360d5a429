import Contracts
import Core
import Outbound
import ProviderConfig

/// Hands out the files that came with messages to one provider's accounts.
protocol MediaKeeper: Sendable {
    /// As configurations call it.
    static var provider: String { get }

    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile
}

/// Gets a file from where a provider holds it.
///
/// The provider's credentials are shown at the addresses that are its own; wherever those lead, there are none to show. Every
/// address is held against the outbound policy, and so is what its name leads to, at each step.
struct MediaDownload: Sendable {
    /// Times that one address may lead to another.
    static let mostHops = 3

    let http: OutboundHTTP

    /// - Parameters:
    ///   - authorization: shown in the first request alone; `nil` where the address itself is the right to it.
    ///   - origins: scheme, host and port of the provider's own addresses, one of which it must be.
    ///   - type: what the file is said to be, where the answer does not say.
    func get(
        _ url: String,
        authorization: String?,
        at origins: Set<String>,
        type: String?,
        deadline: Deadline
    ) async -> FetchedFile {
        guard let origin = Self.origin(of: url), origins.contains(origin) else { return .refused("foreign_address") }
        var url = url
        for hop in 0...Self.mostHops {
            var headers = [("User-Agent", ProviderCall.userAgent)]
            if hop == 0, let authorization { headers.append(("Authorization", authorization)) }
            let answer: OutboundResponse
            do throws(OutboundFailure) {
                answer = try await http.send(
                    method: "GET",
                    url: url,
                    headers: headers,
                    deadline: deadline,
                    maxResponse: InboundFileRules.largest
                )
            } catch {
                return Self.finding(after: error)
            }
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return Self.finding(in: answer, type) }
            guard let next = answer.header("location"), Self.origin(of: next) != nil else {
                return .refused("bad_address")
            }
            url = next
        }
        return .refused("too_many_hops")
    }

    /// Scheme, host and port of an address; `nil` for what is none.
    static func origin(of url: String) -> String? {
        (try? OutboundURL(url)).map { "\($0.isEncrypted ? "https" : "http")://\($0.authority.lowercased())" }
    }

    private static func finding(in answer: OutboundResponse, _ declared: String?) -> FetchedFile {
        switch answer.status {
        case 200:
            guard let type = InboundFileRules.type(answer.header("content-type")) ?? InboundFileRules.type(declared),
                InboundFileRules.isOf(type, answer.body)
            else { return .refused("type_not_kept") }
            return .kept(bytes: answer.body, type: type)
        case 404, 410: return .refused("not_there")
        // A credential may be mended, and a provider recovers.
        case 401, 403, 408, 429, 500...: return .later
        default: return .refused("provider_refused")
        }
    }

    private static func finding(after failure: OutboundFailure) -> FetchedFile {
        switch failure {
        case .notSent(.policy): .refused("address_not_allowed")
        case .lost(.tooLarge): .refused("too_large")
        default: .later
        }
    }
}

/// Twilio's `MediaUrl`: its own address, which leads to where the file lies.
struct TwilioMedia: MediaKeeper {
    static let provider = TwilioSMSProvider.name

    let http: OutboundHTTP

    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile {
        guard let url = media.url, let account = entry.credentials.text("accountSid"),
            let token = entry.credentials.text("authToken")
        else { return .refused("not_there") }
        let pair = Base64.encode(Array("\(account):\(token)".utf8))
        // Files are at the usual address, in whatever region the account is called.
        let origins = ["https://api.twilio.com", TwilioSMSProvider.base(entry.credentials)]
        return await MediaDownload(http: http).get(
            url,
            authorization: "Basic \(pair)",
            at: Set(origins.compactMap { MediaDownload.origin(of: $0) }),
            type: media.type,
            deadline: deadline
        )
    }
}

/// Meta's media: an id, for which the Graph API gives an address that lives for minutes.
struct MetaMedia: MediaKeeper {
    static let provider = MetaWhatsAppProvider.name
    /// Where their files lie.
    private static let files = "https://lookaside.fbsbx.com"

    let http: OutboundHTTP

    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile {
        guard let id = media.id, let token = entry.credentials.text("accessToken") else { return .refused("not_there") }
        let root = MetaWhatsAppProvider.root(entry.credentials)
        let answer: OutboundResponse
        do throws(OutboundFailure) {
            let call = ProviderCall("GET", "\(root)/\(PercentCoding.encode(id))", bearer: Secret(token))
            answer = try await http.send(call, deadline: deadline)
        } catch {
            return .later
        }
        // What is gone is a 400 here; what else is wrong may be mended.
        guard answer.status != 400, answer.status != 404 else { return .refused("not_there") }
        guard answer.status == 200 else { return .later }
        guard let found = try? JSONTape(answer.body).decode(JSONValue.self), let url = found["url"]?.string else {
            return .refused("bad_address")
        }
        if let size = MetaReply.number(found["file_size"]), size > InboundFileRules.largest {
            return .refused("too_large")
        }
        return await MediaDownload(http: http).get(
            url,
            authorization: "Bearer \(token)",
            at: Set([Self.files, root].compactMap { MediaDownload.origin(of: $0) }),
            type: found["mime_type"]?.string ?? media.type,
            deadline: deadline
        )
    }
}

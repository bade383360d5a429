import Contracts
import Core
import Outbound
import ProviderConfig

/// Meta's media: an id, for which the Graph API gives an address that lives for minutes.
struct MetaMedia: MediaKeeper {
    /// Codes for an object that is not there; whatever else is wrong may pass or be mended, and has the same statuses.
    private static let goneCodes: Set<Int> = [33, 100]
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
        guard answer.status == 200 else { return Self.isGone(answer) ? .refused("not_there") : .later }
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

    /// Whether Meta says that it has no such file.
    static func isGone(_ answer: OutboundResponse) -> Bool {
        let said = try? JSONTape(answer.body).decode(JSONValue.self)
        return MetaReply.number(said?["error"]?["code"]).map(goneCodes.contains) ?? false
    }
}

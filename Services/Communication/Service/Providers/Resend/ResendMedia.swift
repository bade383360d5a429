import Contracts
import Core
import Outbound
import ProviderConfig

/// Files of e-mails that Resend has taken apart: named by e-mail and file, for which it gives an address of its store.
struct ResendMedia: MediaKeeper {
    let http: OutboundHTTP

    /// What a file is called here; `nil` for what is no id.
    static func name(of file: JSONValue?, in mail: String) -> String? {
        file?.string.flatMap { ResendWebhooks.isID($0) && ResendWebhooks.isID(mail) ? "\(mail)/\($0)" : nil }
    }

    func fetch(_ media: InboundText.Media, for entry: ProviderEntry, deadline: Deadline) async -> FetchedFile {
        let parts = media.id?.split(separator: "/").map(String.init) ?? []
        guard parts.count == 2, parts.allSatisfy(ResendWebhooks.isID), let key = entry.credentials.text("apiKey") else {
            return .refused("not_there")
        }
        let url = "\(ResendProvider.base(entry.credentials))/emails/receiving/\(parts[0])/attachments/\(parts[1])"
        let answer: OutboundResponse
        do throws(OutboundFailure) {
            answer = try await http.send(ProviderCall("GET", url, bearer: Secret(key)), deadline: deadline)
        } catch {
            return .later
        }
        guard answer.status != 404, answer.status != 422 else { return .refused("not_there") }
        guard answer.status == 200 else { return .later }
        guard let found = try? JSONTape(answer.body).decode(JSONValue.self), let place = found["download_url"]?.string,
            let origin = MediaDownload.origin(of: place)
        else { return .refused("bad_address") }
        if case .integer(let size) = found["size"], size > InboundFileRules.largest { return .refused("too_large") }
        // The address is signed for this one file, and gets no key of ours.
        return await MediaDownload(http: http).get(
            place,
            authorization: nil,
            at: [origin],
            type: found["content_type"]?.string ?? media.type,
            deadline: deadline
        )
    }
}

import Contracts
import Core
import Outbound
import ProviderConfig

/// Twilio's `MediaUrl`: its own address, which leads to where the file lies.
struct TwilioMedia: MediaKeeper {
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

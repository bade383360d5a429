import Contracts
import Core
import Outbound
import ProviderConfig

/// What Resend receives for a clinic's domain: its webhook names the e-mail, which is then asked for.
extension ResendWebhooks {
    /// Asking takes no longer, while the webhook waits.
    static let fetchTime: Duration = .seconds(6)

    /// The e-mail that a webhook names; none for all others.
    func mails(_ webhook: JSONValue, for entry: ProviderEntry) async throws -> [InboundMail] {
        guard webhook["type"]?.string == "email.received", let id = webhook["data"]?["email_id"]?.string, Self.isID(id)
        else { return [] }
        let deadline = Deadline.after(Self.fetchTime)
        guard let received = try await received(id, for: entry, deadline) else {
            // The key may not read, or it is gone: what the webhook itself says is kept.
            return [Self.mail(webhook["data"] ?? .null, id: id)]
        }
        if let raw = received["raw"]?["download_url"]?.string, let bytes = await whole(at: raw, deadline) {
            return [InboundMail(bytes)]
        }
        return [Self.mail(received, id: id)]
    }

    /// The e-mail as their API has it; `nil` where the account's key does not get it.
    private func received(_ id: String, for entry: ProviderEntry, _ deadline: Deadline) async throws -> JSONValue? {
        guard let key = entry.credentials.text("apiKey") else { return nil }
        let url = "\(ResendProvider.base(entry.credentials))/emails/receiving/\(id)"
        let answer: OutboundResponse
        do {
            answer = try await http.send(ProviderCall("GET", url, bearer: Secret(key)), deadline: deadline)
        } catch {
            throw Problem.unavailable("The provider's e-mail")
        }
        switch answer.status {
        case 200: return try? JSONTape(answer.body).decode(JSONValue.self)
        case 429, 500...: throw Problem.unavailable("The provider's e-mail")
        default: return nil
        }
    }

    /// As it travelled; from an address that is signed for this one e-mail, and gets no key of ours.
    private func whole(at url: String, _ deadline: Deadline) async -> [UInt8]? {
        let answer = try? await http.send(
            method: "GET",
            url: url,
            headers: [("User-Agent", ProviderCall.userAgent)],
            deadline: deadline,
            maxResponse: InboundMail.largest
        )
        return answer?.status == 200 ? answer?.body : nil
    }

    /// An e-mail of which only what their API says is known.
    static func mail(_ data: JSONValue, id: String) -> InboundMail {
        var header: [String] = []
        if case .object(let fields) = data["headers"] {
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                if let text = value.string { header.append("\(name): \(text.filter { !$0.isNewline })") }
            }
        }
        for (name, key) in [("Message-ID", "message_id"), ("From", "from"), ("Subject", "subject")] {
            if let text = data[key]?.string { header.append("\(name): \(text.filter { !$0.isNewline })") }
        }
        if let to = data["to"]?.list.first?.string { header.append("To: \(to.filter { !$0.isNewline })") }
        let all = data["attachments"]?.list ?? []
        let files = all.prefix(InboundMail.mostFiles).map { file in
            InboundText.Media(
                id: ResendMedia.name(of: file["id"], in: id),
                type: file["content_type"]?.string,
                filename: file["filename"]?.string
            )
        }
        var mail = InboundMail(
            MailEntity(Array(header.joined(separator: "\r\n").utf8)[...]),
            text: data["text"]?.string ?? data["html"]?.string.map { HTMLText.plain($0) } ?? "",
            files: Array(files),
            report: nil,
            envelopeSender: nil,
            digest: id
        )
        mail.leftOut = all.count - files.count
        return mail
    }

    /// Ids are UUIDs; nothing else goes into an address.
    static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte.isLetterOrDigit || byte == 45
            }
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbound

extension SendGridProvider: SenderDirectory {
    /// An authenticated domain, else a verified single sender.
    func sender(deadline: Deadline) async -> [SenderFinding] {
        let domains = "/v3/whitelabel/domains?domain=\(PercentCoding.encode(from.domain))"
        guard let answer = await http.json(ProviderCall("GET", base + domains, bearer: key), deadline),
            answer.status == 200
        else { return [] }
        if answer.json.list.contains(where: { $0["valid"] == .bool(true) }) { return [.verified(true)] }
        let senders = await http.json(ProviderCall("GET", base + "/v3/verified_senders", bearer: key), deadline)
        guard let senders, senders.status == 200 else { return [] }
        let isVerified = senders.json["results"]?.list.contains {
            $0["verified"] == .bool(true) && $0["from_email"]?.string.flatMap { EmailAddress($0)?.mailed } == from
        }
        return [.verified(isVerified ?? false)]
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbound

extension ResendProvider: SenderDirectory {
    func sender(deadline: Deadline) async -> [SenderFinding] {
        guard let answer = await http.json(ProviderCall("GET", base + "/domains", bearer: key), deadline),
            answer.status == 200
        else { return [] }
        let known = (answer.json["data"]?.list ?? []).filter {
            $0["name"]?.string.flatMap { DomainName.travelling($0.lowercased()) } == domain
        }
        guard let verified = known.first(where: { $0["status"]?.string == "verified" }) else {
            return [.verified(false)]
        }
        return [.verified(true)] + (await tracking(verified["id"]?.string, deadline))
    }

    /// Mails are marked as the domain is set.
    private func tracking(_ id: String?, _ deadline: Deadline) async -> [SenderFinding] {
        guard let id = ProviderVerdict.token(id) else { return [] }
        let path = "/domains/\(PercentCoding.encode(id))"
        guard let answer = await http.json(ProviderCall("GET", base + path, bearer: key), deadline),
            answer.status == 200, answer.json["open_tracking"] != nil || answer.json["click_tracking"] != nil
        else { return [] }
        let isWatching = ["open_tracking", "click_tracking"].contains { answer.json[$0] == .bool(true) }
        return [.tracking(isWatching)]
    }
}

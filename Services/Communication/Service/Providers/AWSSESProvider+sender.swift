import CommunicationAPI
import Contracts
import Core
import Outbound

extension AWSSESProvider: SenderDirectory {
    /// The identity of the domain, else that of the address (`GetEmailIdentity`).
    func sender(deadline: Deadline) async -> [SenderFinding] {
        for identity in [from.address.domain, from.address.address] {
            let path = "/v2/email/identities/\(PercentCoding.encode(identity))"
            guard let answer = await http.json(try? call("GET", path, at: .now()), deadline) else { return [] }
            if answer.status == 404 { continue }
            guard answer.status == 200 else { return [] }
            let isVerified = answer.json["VerifiedForSendingStatus"] == .bool(true)
            let isSigned = answer.json["DkimAttributes"]?["Status"] == "SUCCESS"
            return [
                .verified(isVerified),
                SenderFinding(
                    aspect: .dkim,
                    state: isSigned ? .passed : .failed,
                    detail: isSigned ? "The provider signs with DKIM." : "The provider does not sign with DKIM yet."
                ),
            ] + (await tracking(deadline))
        }
        return [.verified(false)]
    }

    /// Mails are marked where the configuration set tells somebody of openings or clicks (`GetConfigurationSetEventDestinations`).
    private func tracking(_ deadline: Deadline) async -> [SenderFinding] {
        guard let configurationSet else { return [] }
        let path = "/v2/email/configuration-sets/\(configurationSet)/event-destinations"
        guard let answer = await http.json(try? call("GET", path, at: .now()), deadline), answer.status == 200 else {
            return []
        }
        let destinations = answer.json["EventDestinations"]?.list ?? []
        let events = destinations.filter { $0["Enabled"] == .bool(true) }.flatMap {
            $0["MatchingEventTypes"]?.list.compactMap(\.string) ?? []
        }
        return [.tracking(events.contains("OPEN") || events.contains("CLICK"))]
    }
}

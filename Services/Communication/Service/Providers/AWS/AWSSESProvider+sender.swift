import CommunicationAPI
import Contracts
import Core
import Outbound

extension AWSSESProvider: SenderDirectory {
    /// What SES says of the identities that cover the sender (`GetEmailIdentity`): one that is verified is enough.
    func sender(deadline: Deadline) async -> [SenderFinding] {
        var findings: [SenderFinding] = [.verified(false)]
        for identity in identities {
            let path = "/v2/email/identities/\(PercentCoding.encode(identity))"
            guard let answer = await http.json(try? call("GET", path, at: .now()), deadline) else { return [] }
            if answer.status == 404 { continue }
            guard answer.status == 200 else { return [] }
            let isVerified = answer.json["VerifiedForSendingStatus"] == .bool(true)
            let isSigned = answer.json["DkimAttributes"]?["Status"] == "SUCCESS"
            let found: [SenderFinding] = [
                .verified(isVerified),
                SenderFinding(
                    aspect: .dkim,
                    state: isSigned ? .passed : .failed,
                    detail: isSigned ? "The provider signs with DKIM." : "The provider does not sign with DKIM yet."
                ),
            ]
            if isVerified { return found + (await tracking(deadline)) }
            // The nearest of those that wait for their verification is the one to be told of.
            if findings.count == 1 { findings = found }
        }
        return findings.count == 1 ? findings : findings + (await tracking(deadline))
    }

    /// A sender may use the address itself, its domain, and the domains above it.
    private var identities: [String] {
        var labels = from.address.domain.split(separator: ".")
        var domains: [String] = []
        while labels.count >= 2 {
            domains.append(labels.joined(separator: "."))
            labels.removeFirst()
        }
        return domains + [from.address.address]
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

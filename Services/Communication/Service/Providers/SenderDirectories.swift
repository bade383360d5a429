import CommunicationAPI
import Contracts
import Core
import Outbound

extension OutboundHTTP {
    /// The JSON of a successful answer; `nil` for every other.
    func json(_ call: ProviderCall?, _ deadline: Deadline) async -> (status: Int, json: JSONValue)? {
        guard let call, let response = try? await send(call, deadline: deadline) else { return nil }
        return (response.status, (try? JSONTape(response.body).decode(JSONValue.self)) ?? .null)
    }
}

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
            $0["verified"] == .bool(true) && $0["from_email"]?.string.flatMap { EmailAddress($0) } == from
        }
        return [.verified(isVerified ?? false)]
    }
}

extension ResendProvider: SenderDirectory {
    func sender(deadline: Deadline) async -> [SenderFinding] {
        guard let answer = await http.json(ProviderCall("GET", base + "/domains", bearer: key), deadline),
            answer.status == 200
        else { return [] }
        let known = (answer.json["data"]?.list ?? []).filter { $0["name"]?.string?.lowercased() == domain }
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

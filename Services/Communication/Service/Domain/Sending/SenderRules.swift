import CommunicationAPI
import Core

/// What a domain's records say about mail that is sent in its name.
enum SenderRules {
    /// The sender policy (RFC 7208): exactly one record, which lets the provider send and not everybody.
    ///
    /// - Parameter path: where the provider has bounces go; `nil` where they go to the sender's domain.
    static func spf(_ texts: [String], by path: ReturnPath?) -> SenderFinding {
        let records = texts.filter { $0.lowercased() == "v=spf1" || $0.lowercased().hasPrefix("v=spf1 ") }
        guard let record = records.first else {
            return SenderFinding(aspect: .spf, state: .failed, detail: "The domain has no SPF record.")
        }
        guard records.count == 1 else {
            return SenderFinding(
                aspect: .spf,
                state: .failed,
                detail: "The domain has several SPF records, so that none of them counts."
            )
        }
        let terms = record.lowercased().split(separator: " ").dropFirst()
        // After an `all` nothing is looked at, and with one nothing leads to another record.
        let end = terms.firstIndex { $0 == "all" || $0.dropFirst() == "all" }
        if let end, ["all", "+all"].contains(terms[end]) {
            return SenderFinding(aspect: .spf, state: .failed, detail: "The SPF record lets everybody send.")
        }
        let permitted = terms.prefix(upTo: end ?? terms.endIndex).compactMap { Permission($0) }
            .filter { end == nil || $0.name != "redirect" }
        if permitted.contains(where: { $0.isOf(path?.includes ?? []) }) {
            return SenderFinding(aspect: .spf, state: .passed, detail: "The SPF record lets the provider send.")
        }
        let elsewhere = path == nil ? "" : " The provider has bounces go to another domain, whose record counts."
        if permitted.isEmpty {
            return SenderFinding(
                aspect: .spf,
                state: path == nil ? .failed : .unknown,
                detail: "The SPF record lets nobody send.\(elsewhere)"
            )
        }
        return SenderFinding(
            aspect: .spf,
            state: .unknown,
            detail:
                "The domain has an SPF record; whether it lets the provider send cannot be told from here.\(elsewhere)"
        )
    }

    /// A term of a sender policy that lets somebody send.
    private struct Permission {
        private static let mechanisms: Set<String> = ["include", "a", "mx", "ptr", "ip4", "ip6", "exists"]

        let name: String
        /// Whose record it takes, or which machines it is about.
        let value: String

        /// `nil` for a term that lets nobody send.
        init?(_ term: Substring) {
            let bare = term.first == "+" ? term.dropFirst() : term
            name = String(bare.prefix { !":/=".contains($0) })
            value = String(bare.dropFirst(name.count + 1))
            guard Self.mechanisms.contains(name) || name == "redirect" else { return nil }
        }

        /// Whether it takes the record of one of these domains, or of one below them.
        func isOf(_ domains: [String]) -> Bool {
            guard ["include", "redirect"].contains(name) else { return false }
            return domains.contains { value == $0 || value.hasSuffix(".\($0)") }
        }
    }

    /// A signing key (RFC 6376) among the records of one selector; `nil` when there is none.
    static func dkim(_ texts: [String]) -> SenderFinding? {
        let keys = texts.map(tags).filter { $0["p"] != nil && ($0["v"] ?? "DKIM1") == "DKIM1" }
        guard let key = keys.first else { return nil }
        if key["p"] == "" {
            return SenderFinding(aspect: .dkim, state: .failed, detail: "The DKIM key has been revoked.")
        }
        return SenderFinding(aspect: .dkim, state: .passed, detail: "The domain publishes the provider's DKIM key.")
    }

    /// The policy for mail that fails both (RFC 7489); `nil` when there is none.
    static func dmarc(_ texts: [String]) -> SenderFinding? {
        let records = texts.map(tags).filter { $0["v"] == "DMARC1" }
        guard let record = records.first else { return nil }
        guard records.count == 1, let policy = record["p"]?.lowercased(),
            ["none", "quarantine", "reject"].contains(policy)
        else {
            return SenderFinding(aspect: .dmarc, state: .failed, detail: "The domain's DMARC record cannot be used.")
        }
        return SenderFinding(aspect: .dmarc, state: .passed, detail: "The domain's DMARC policy is \(policy).")
    }

    /// Where the policy for a domain may stand: at itself, then at those it is part of.
    static func policyDomains(_ domain: String) -> [String] {
        var labels = domain.split(separator: ".")
        var domains: [String] = []
        while labels.count >= 2 {
            domains.append("_dmarc.\(labels.joined(separator: "."))")
            labels.removeFirst()
        }
        return domains
    }

    /// `v=DKIM1; k=rsa; p=…` by tag.
    private static func tags(_ text: String) -> [String: String] {
        var tags: [String: String] = [:]
        for part in text.split(separator: ";") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            let name = pair[0].filter { !$0.isWhitespace }.lowercased()
            if tags[name] == nil { tags[name] = pair[1].filter { !$0.isWhitespace } }
        }
        return tags
    }
}

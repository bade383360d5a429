import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// A provider that tells whom it knows as verified.
protocol SenderDirectory: MessageProvider {
    /// What it says of the sender that is configured; nothing where the key may not ask.
    func sender(deadline: Deadline) async -> [SenderFinding]
}

/// Finds out about a sender: of mail what its domain's records say and what the provider does, of WhatsApp what the latter does.
struct SenderChecks: Sendable {
    let records: TextRecords
    let providers: MessageProviders

    /// `nil` for channels of whose senders nothing can be found out.
    func findings(
        of entry: ProviderEntry,
        _ provider: (any MessageProvider)?,
        deadline: Deadline
    ) async -> [SenderFinding]? {
        if entry.channel == MessageChannel.whatsapp.rawValue {
            return await (provider as? any SenderDirectory)?.sender(deadline: deadline)
        }
        guard entry.channel == MessageChannel.email.rawValue,
            let from = entry.credentials.sender
        else { return nil }
        async let told = (provider as? any SenderDirectory)?.sender(deadline: deadline) ?? []
        async let policy = spf(of: from.domain, entry.provider, deadline)
        async let keys = dkim(of: from.domain, entry.provider, deadline)
        async let rule = dmarc(of: from.domain, deadline)
        let known = await told
        // The provider knows its own keys better than their records do.
        let looked = await [policy, keys, rule].filter { finding in !known.contains { $0.aspect == finding.aspect } }
        return (looked + known).sorted { Self.order($0) < Self.order($1) }
    }

    private static func order(_ finding: SenderFinding) -> Int {
        SenderFinding.Aspect.allCases.firstIndex(of: finding.aspect) ?? 0
    }

    private func spf(of domain: String, _ provider: String, _ deadline: Deadline) async -> SenderFinding {
        let path = providers.returnPath(of: provider)
        do throws(TextRecordsError) {
            if let label = path?.label {
                let texts = try await records.texts(of: "\(label).\(domain)", deadline: deadline)
                let found = SenderRules.spf(texts, by: path)
                if found.state == .passed { return found }
            }
            return SenderRules.spf(try await records.texts(of: domain, deadline: deadline), by: path)
        } catch {
            return Self.unknown(.spf, error)
        }
    }

    private func dmarc(of domain: String, _ deadline: Deadline) async -> SenderFinding {
        do throws(TextRecordsError) {
            for name in SenderRules.policyDomains(domain) {
                if let found = SenderRules.dmarc(try await records.texts(of: name, deadline: deadline)) { return found }
            }
            return SenderFinding(aspect: .dmarc, state: .failed, detail: "The domain has no DMARC record.")
        } catch {
            return Self.unknown(.dmarc, error)
        }
    }

    private func dkim(of domain: String, _ provider: String, _ deadline: Deadline) async -> SenderFinding {
        let selectors = providers.dkimSelectors(of: provider)
        guard !selectors.isEmpty else {
            return SenderFinding(
                aspect: .dkim,
                state: .unknown,
                detail: "Where the provider's DKIM keys stand is known to the provider alone."
            )
        }
        do throws(TextRecordsError) {
            for selector in selectors {
                let texts = try await records.texts(of: "\(selector)._domainkey.\(domain)", deadline: deadline)
                if let found = SenderRules.dkim(texts) { return found }
            }
            return SenderFinding(aspect: .dkim, state: .failed, detail: "The domain has no DKIM key of the provider.")
        } catch {
            return Self.unknown(.dkim, error)
        }
    }

    private static func unknown(_ aspect: SenderFinding.Aspect, _ error: TextRecordsError) -> SenderFinding {
        let detail =
            switch error {
            case .unavailable: "The domain's records could not be looked up."
            case .malformedName: "The domain's name cannot be looked up as it is written."
            }
        return SenderFinding(aspect: aspect, state: .unknown, detail: detail)
    }
}

extension SenderFinding {
    /// What a provider does to mails on their way.
    static func tracking(_ isWatching: Bool) -> SenderFinding {
        SenderFinding(
            aspect: .tracking,
            state: isWatching ? .failed : .passed,
            detail: isWatching
                ? "The provider tells of openings or clicks: it marks mails or rewrites their links. Turn that off there."
                : "The provider leaves mails as they are."
        )
    }

    /// What a provider says of its verified senders.
    static func verified(_ isVerified: Bool) -> SenderFinding {
        SenderFinding(
            aspect: .provider,
            state: isVerified ? .passed : .failed,
            detail: isVerified
                ? "The provider knows the sender as verified." : "The provider has not verified the sender."
        )
    }
}

import Contracts
import Core
import Outbound
import ProviderConfig

/// Somebody who holds video sessions for a clinic, as far as its credentials say.
protocol VideoProvider: Sendable {
    /// As configurations call it.
    static var name: String { get }
    /// The credentials that it takes, and which of them are secret.
    static var keys: [CredentialShape.Key] { get }
    /// The credentials that sign in together: one of these sets is given, whole.
    static var signIns: [[String]] { get }
    /// All that is wrong with credentials beyond their shape, where they would have us connect to included.
    static func faults(_ credentials: Credentials, policy: OutboundPolicy) -> [CredentialFault]
}

extension VideoProvider {
    static var shape: CredentialShape { CredentialShape(name, keys + [.optional("endpoint")]) }

    /// What each key of a set that is not whole lacks, and what does not belong to the set that is meant.
    ///
    /// Meant is the one of which most is given.
    static func signInFaults(_ credentials: Credentials) -> [CredentialFault] {
        let given = Set(credentials.unredacted.keys)
        let counts = signIns.map { $0.count { given.contains($0) } }
        guard let most = counts.max(), let meant = zip(signIns, counts).first(where: { $0.1 == most })?.0 else {
            return []
        }
        let missing = meant.filter { !given.contains($0) }
        let others = Set(signIns.joined()).subtracting(meant).intersection(given).sorted()
        return missing.map { CredentialFault($0, "is required") }
            + others.map { CredentialFault($0, "is not used together with \(meant.joined(separator: ", "))") }
    }

    /// What is wrong with a base URL that stands in place of the provider's own.
    static func endpointFaults(_ credentials: Credentials, _ policy: OutboundPolicy) -> [CredentialFault] {
        guard let endpoint = credentials.text("endpoint") else { return [] }
        do { try policy.check(endpoint: endpoint) } catch { return [.notAllowed("endpoint", error)] }
        return []
    }

    /// What is wrong with a server of the clinic's own.
    static func serverFaults(
        _ key: String,
        _ host: String,
        isEncrypted: Bool,
        _ policy: OutboundPolicy
    ) -> [CredentialFault] {
        do { try policy.check(server: host, encrypted: isEncrypted) } catch { return [.notAllowed(key, error)] }
        return []
    }
}

extension CredentialFault {
    /// The operator's outbound policy does not let us connect there.
    static func notAllowed(_ key: String, _ error: OutboundError) -> CredentialFault {
        CredentialFault(key, error.description, code: "endpoint_not_allowed")
    }
}

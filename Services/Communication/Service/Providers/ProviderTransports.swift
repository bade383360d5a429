import Logging
import Outbound
import Synchronization

/// What providers are reached through, and what they keep between messages; shared by all of them.
final class ProviderTransports: Sendable {
    let http: OutboundHTTP
    let smtp: SMTPTransport
    let policy: OutboundPolicy
    let log: Logger
    private let kept = Mutex<[ObjectIdentifier: any Sendable]>([:])

    /// - Parameters:
    ///   - publicURL: `POLYCLINIC_PUBLIC_URL`: mail servers know us by its host; empty where there is none.
    ///   - trustRoots: a file of certificates by which mail servers are trusted in place of the system's.
    init(policy: OutboundPolicy, log: Logger, publicURL: String = "", trustRoots: String? = nil) {
        http = OutboundHTTP(policy: policy, logger: log)
        smtp = SMTPTransport(policy: policy, name: (try? OutboundURL(publicURL))?.host, trustRoots: trustRoots)
        self.policy = policy
        self.log = log
    }

    /// What a provider keeps for the life of the process, one of each type: made when it is first asked for.
    func shared<Kept: Sendable>(_ make: @autoclosure () -> Kept) -> Kept {
        kept.withLock { kept in
            if let found = kept[ObjectIdentifier(Kept.self)] as? Kept { return found }
            let made = make()
            kept[ObjectIdentifier(Kept.self)] = made
            return made
        }
    }
}

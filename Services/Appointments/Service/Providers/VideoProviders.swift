import Core
import Outbound
import ProviderConfig

/// The video providers there are; each has a file of its own and is named here once.
enum VideoProviders {
    /// What configurations store video providers under.
    static let channel = "video"

    private static let all: [any VideoProvider.Type] = [OpenViduProvider.self, JitsiProvider.self]

    static var shapes: CredentialShapes { CredentialShapes(all.map { (channel, $0.shape) }) }

    /// What entries are held against beyond the shapes of their credentials.
    static func rules(_ policy: OutboundPolicy) -> ProviderConfigDraft.Rules {
        { entry in all.first { $0.name == entry.provider }?.faults(entry.credentials, policy: policy) ?? [] }
    }
}

package import Contracts

/// The providers that a service has, by channel, and the credentials that each takes.
package struct CredentialShapes: Sendable {
    private let byChannel: [String: [CredentialShape]]

    /// - Parameter all: in the order in which a channel's providers are named.
    package init(_ all: [(channel: String, shape: CredentialShape)]) {
        byChannel = Dictionary(grouping: all, by: \.channel).mapValues { $0.map(\.shape) }
    }

    /// The shape for a provider of a channel; `nil` if there is no such provider.
    package func shape(of provider: String, channel: String) -> CredentialShape? {
        byChannel[channel]?.first { $0.provider == provider }
    }

    /// The providers of a channel.
    package func providers(of channel: String) -> [String] { byChannel[channel]?.map(\.provider) ?? [] }

    /// An entry's credentials as they may be shown; nothing of those whose shape is not known.
    package func masked(_ entry: ProviderEntry) -> [String: JSONValue] {
        shape(of: entry.provider, channel: entry.channel)?.masked(entry.credentials) ?? [:]
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbound
import Postgres
import ProviderConfig
import ServiceHost

extension EffectiveConfiguration {
    /// - Parameter defaults: names of the installation's providers, by channel.
    init(_ own: ProviderConfiguration?, defaults: [String: [String]]) {
        let names = own?.providerNames ?? [:]
        func channel(_ channel: MessageChannel) -> Channel {
            let (mine, shared) = (names[channel.rawValue] ?? [], defaults[channel.rawValue] ?? [])
            let source = ResolvedChain.Source.of(
                own: !mine.isEmpty,
                allowsDefault: own?.allowsDefault ?? true,
                default: !shared.isEmpty
            )
            return switch source {
            case .clinic: Channel(source: .clinic, providers: mine)
            case .installation: Channel(source: .installation, providers: shared)
            case .none: Channel(source: .none, providers: [])
            }
        }
        self.init(email: channel(.email), sms: channel(.sms), whatsapp: channel(.whatsapp), push: channel(.push))
    }
}

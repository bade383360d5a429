import CommunicationAPI
import Core
import Postgres
import Vault

/// What the installation's providers call a clinic's message, hashed so that it tells nothing.
struct MessageDoor: Sendable {
    private static let purpose = "message at a provider"

    let blindIndex: BlindIndex

    /// - Parameter id: ours as the provider gives it back, or the provider's own.
    func hash(_ provider: String, _ id: String) -> [UInt8] {
        blindIndex.token("\(provider)\n\(id)", purpose: Self.purpose, clinic: nil)
    }

    /// An address that the installation's provider was given.
    func hash(_ provider: String, to address: ChannelAddress) -> [UInt8] {
        hash(provider, "\(address.channel.rawValue) \(address.normalized)")
    }
}

import CommunicationAPI
import Core
import Postgres
import Vault

/// Keyed hashes (a blind index) of message ids at the installation's shared providers and of the addresses they were given.
///
/// By them a webhook to the shared address finds its clinic (`MessageClinicStore`, `RecipientClinicStore`) without an id or an
/// address being stored in the clear.
struct ProviderIDHash: Sendable {
    private static let purpose = "message at a provider"

    let blindIndex: BlindIndex

    /// - Parameter id: ours as the provider gives it back, or the provider's own.
    func hash(_ provider: String, _ id: String) -> [UInt8] {
        blindIndex.token("\(provider)\n\(id)", purpose: Self.purpose, clinic: nil)
    }

    /// All hashes under which an address may have been noted.
    func hashes(_ provider: String, to address: ChannelAddress) -> [[UInt8]] {
        [hash(provider, to: address)]
            + address.formerForms.map { hash(provider, "\(address.channel.rawValue) \($0)") }
    }

    /// An address that the installation's provider was given.
    func hash(_ provider: String, to address: ChannelAddress) -> [UInt8] {
        hash(provider, "\(address.channel.rawValue) \(address.normalized)")
    }
}

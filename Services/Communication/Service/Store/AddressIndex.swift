import CommunicationAPI
import Core
import Vault

/// The keyed hashes by which messages, suppressions and contacts of an address are found; of one clinic they are the same in
/// all three.
struct AddressIndex: Sendable {
    private static let purpose = "message recipient"

    let blindIndex: BlindIndex

    func token(_ address: ChannelAddress, _ clinic: ClinicID) -> [UInt8] {
        blindIndex.token(address.normalized, purpose: Self.purpose, clinic: clinic)
    }
}

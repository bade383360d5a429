import CommunicationAPI
import Core
import Vault

/// The keyed hashes by which messages, suppressions and contacts of an address are found; of one clinic they are the same in
/// all three.
struct AddressIndex: Sendable {
    static let purpose = "message recipient"
    /// How long one is.
    static let bytes = 32

    let blindIndex: BlindIndex

    /// What suppressions of a message's addresses are looked up by, for the channels that it may take.
    func pairs(
        of reach: Reach,
        on channels: [String],
        _ clinic: ClinicID
    ) -> [(channel: MessageChannel, addressIndex: [UInt8])] {
        channels.compactMap { MessageChannel(rawValue: $0) }.compactMap { channel in
            let text: String? =
                switch channel {
                case .email: reach.email?.address
                case .sms, .whatsapp: reach.phone?.number
                case .push: reach.pushToken
                }
            guard let address = text.flatMap({ ChannelAddress(channel, $0) }) else { return nil }
            return (channel, token(address, clinic))
        }
    }

    func token(_ address: ChannelAddress, _ clinic: ClinicID) -> [UInt8] {
        blindIndex.token(address.normalized, purpose: Self.purpose, clinic: clinic)
    }
}

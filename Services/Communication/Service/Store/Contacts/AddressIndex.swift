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
        channels.compactMap { MessageChannel(rawValue: $0) }.flatMap { channel in
            guard let address = reach.address(on: channel) else { return [(MessageChannel, [UInt8])]() }
            return ([token(address, clinic)] + formerTokens(of: address, clinic)).map { (channel, $0) }
        }
    }

    /// By what a message to somebody is found.
    func hashes(of reach: Reach, _ clinic: ClinicID) -> AddressHashes {
        func hash(_ channel: MessageChannel) -> [UInt8]? { reach.address(on: channel).map { token($0, clinic) } }
        return AddressHashes(email: hash(.email), phone: hash(.whatsapp), push: hash(.push))
    }

    /// By what else something that was kept of an address before may be found.
    func formerTokens(of address: ChannelAddress, _ clinic: ClinicID) -> [[UInt8]] {
        address.formerForms.map { token($0, clinic) }
    }

    func token(_ address: ChannelAddress, _ clinic: ClinicID) -> [UInt8] {
        token(address.normalized, clinic)
    }

    private func token(_ form: String, _ clinic: ClinicID) -> [UInt8] {
        blindIndex.token(form, purpose: Self.purpose, clinic: clinic)
    }
}

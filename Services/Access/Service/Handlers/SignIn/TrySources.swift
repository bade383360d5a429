import Core
import Outbound
import Vault

/// What tries at one e-mail address from one client are counted under: keyed hashes, so that the counts tell nothing.
struct TrySources: Hashable, Sendable {
    /// What all strangers are counted under together.
    static let strangers = [UInt8](repeating: 0, count: 32)

    let emailHash: [UInt8]
    let device: [UInt8]
    let network: [UInt8]

    init(emailHash: [UInt8], address: String, userAgent: String, index: BlindIndex) {
        let network = Self.network(of: address)
        self.emailHash = emailHash
        self.network = index.token(network, purpose: "sign-in network", clinic: nil)
        device = index.token("\(network) \(userAgent)", purpose: "sign-in device", clinic: nil)
    }

    /// All three, in the order their rows are locked in.
    var all: [[UInt8]] { [device, network, Self.strangers].sorted { $0.lexicographicallyPrecedes($1) } }

    /// An IPv4 address, or the 64 bits of an IPv6 one that a single subscriber is given at least.
    static func network(of address: String) -> String {
        guard let parsed = IPAddress(address) else { return address }
        return parsed.isVersion4 ? parsed.description : parsed.bytes.prefix(8).hex
    }
}

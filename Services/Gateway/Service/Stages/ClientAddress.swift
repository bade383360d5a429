import Core
import NIOCore

/// Whose word is taken for where a request came from (`POLYCLINIC_TRUSTED_PROXIES`).
package struct TrustedProxies: Sendable {
    private let networks: [Network]

    /// Reads addresses and CIDR blocks; throws the first that is neither.
    package init(_ texts: [String]) throws(MalformedNetwork) {
        var networks: [Network] = []
        for text in texts {
            guard let network = Network(text) else { throw MalformedNetwork(text: text) }
            networks.append(network)
        }
        self.networks = networks
    }

    package struct MalformedNetwork: Error, CustomStringConvertible {
        let text: String
        package var description: String { "\(text) is neither an address nor a CIDR block" }
    }

    /// The client's address: the peer's, or, where that is a trusted proxy, the last forwarded one that is not.
    func clientAddress(peer: String, forwardedFor: String?) -> String {
        guard !networks.isEmpty, let forwardedFor, isTrusted(peer) else { return peer }
        var address = peer
        for part in forwardedFor.split(separator: ",").reversed() {
            let text = String(part.drop { $0 == " " }.prefix { $0 != " " })
            guard Network(text) != nil else { break }
            address = text
            if !isTrusted(text) { break }
        }
        return address
    }

    /// What is limited as one client: an IPv4 address, and of IPv6 the network of 64 bits that one customer is given at least.
    ///
    /// A text that is no address stands for itself.
    static func client(at address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")), let bytes = Network.bytes(of: address) else { return address }
        guard bytes.count == 16 else { return bytes.map(String.init).joined(separator: ".") }
        return Array(bytes.prefix(8)).hex + "::/64"
    }

    private func isTrusted(_ address: String) -> Bool {
        guard let bytes = Network.bytes(of: address) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    private struct Network {
        let bytes: [UInt8]
        let bits: Int

        init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let bytes = Self.bytes(of: String(parts[0])) else { return nil }
            guard let bits = parts.count == 2 ? Int(parts[1]) : bytes.count * 8, (0...bytes.count * 8).contains(bits)
            else { return nil }
            self.bytes = bytes
            self.bits = bits
        }

        func contains(_ other: [UInt8]) -> Bool {
            guard other.count == bytes.count else { return false }
            for (index, byte) in bytes.enumerated() {
                // Bits of this byte that belong to the network.
                let counted = min(8, max(0, bits - index * 8))
                let mask: UInt8 = counted == 0 ? 0 : 0xFF << UInt8(8 - counted)
                if (byte ^ other[index]) & mask != 0 { return false }
            }
            return true
        }

        static func bytes(of address: String) -> [UInt8]? {
            guard let parsed = try? SocketAddress(ipAddress: address, port: 0) else { return nil }
            return parsed.addressBytes
        }
    }
}

extension SocketAddress {
    /// Network-order bytes, 4 or 16; `nil` for a socket file.
    ///
    /// A mapped IPv4 address counts as IPv4.
    fileprivate var addressBytes: [UInt8]? {
        guard let text = ipAddress else { return nil }
        switch self {
        case .v4: return text.split(separator: ".").compactMap { UInt8($0) }
        case .v6: return Self.bytes(ofV6: text)
        case .unixDomainSocket: return nil
        }
    }

    private static func words(_ half: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in half.split(separator: ":") {
            guard let value = UInt16(word, radix: 16) else { continue }
            bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
        }
        return bytes
    }

    /// Bytes of a well-formed IPv6 text.
    private static func bytes(ofV6 text: String) -> [UInt8]? {
        var text = text
        if let zone = text.firstIndex(of: "%") { text = String(text[..<zone]) }
        var tail: [UInt8] = []
        if let dot = text.firstIndex(of: "."), let colon = text[..<dot].lastIndex(of: ":") {
            tail = text[text.index(after: colon)...].split(separator: ".").compactMap { UInt8($0) }
            text = String(text[...colon])
            if !text.hasSuffix("::") { text.removeLast() }
        }
        let halves = text.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let first = words(halves[0])
        let last = (halves.count == 2 ? words(halves[1]) : []) + tail
        guard first.count + last.count <= 16 else { return nil }
        let all = first + [UInt8](repeating: 0, count: 16 - first.count - last.count) + last
        let mapped = [UInt8](repeating: 0, count: 10) + [255, 255]
        return Array(all.prefix(12)) == mapped ? Array(all.suffix(4)) : all
    }
}

import Glibc

/// An IPv4 or IPv6 address; an IPv4 address inside an IPv6 one counts as the IPv4 address it is.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// Four or sixteen bytes in network order.
    package let bytes: [UInt8]

    /// Takes four or sixteen bytes; `nil` for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = Self.unwrapped(bytes)
    }

    /// Reads the usual text forms, brackets and zone allowed; `nil` for a name.
    package init?(_ text: some StringProtocol) {
        var literal = String(text)
        if literal.hasPrefix("["), literal.hasSuffix("]") { literal = String(literal.dropFirst().dropLast()) }
        if let zone = literal.firstIndex(of: "%") { literal = String(literal[..<zone]) }
        var four = in_addr()
        var six = in6_addr()
        if unsafe inet_pton(AF_INET, literal, &four) == 1 {
            unsafe self.init(bytes: withUnsafeBytes(of: four) { unsafe Array($0) })
        } else if unsafe inet_pton(AF_INET6, literal, &six) == 1 {
            unsafe self.init(bytes: withUnsafeBytes(of: six) { unsafe Array($0) })
        } else {
            return nil
        }
    }

    package var isVersion4: Bool { bytes.count == 4 }

    package var description: String {
        if isVersion4 { return bytes.map { String($0) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }

    /// Mapped (`::ffff:0:0/96`), NAT64 (`64:ff9b::/96`) and 6to4 (`2002::/16`) addresses lead to an IPv4 host.
    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.count == 16 else { return bytes }
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]
        let nat64: [UInt8] = [0, 0x64, 0xFF, 0x9B] + [UInt8](repeating: 0, count: 8)
        if bytes.starts(with: mapped) || bytes.starts(with: nat64) { return Array(bytes[12...]) }
        if bytes.starts(with: [0x20, 0x02]) { return Array(bytes[2..<6]) }
        return bytes
    }
}

/// A block of addresses: `10.0.0.0/8`, `fd00::/8`, or a single address.
package struct AddressBlock: Hashable, Sendable {
    private let base: [UInt8]
    private let length: Int

    /// Reads an address with or without a prefix length; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(parts[0]) else { return nil }
        let bits = address.bytes.count * 8
        guard let length = parts.count == 2 ? Int(parts[1]) : bits, (0...bits).contains(length) else { return nil }
        base = address.bytes
        self.length = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.count else { return false }
        for index in 0..<length / 8 where address.bytes[index] != base[index] { return false }
        guard !length.isMultiple(of: 8) else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> (length % 8))
        return address.bytes[length / 8] & mask == base[length / 8] & mask
    }
}

extension IPAddress {
    /// What kind of network an address lies in.
    package enum Reach: Sendable, Equatable {
        case `public`
        case loopback
        /// Private, link-local (cloud metadata among them), multicast, reserved, or a tunnel's.
        case inside
    }

    package var reach: Reach {
        if Self.loopbackBlocks.contains(where: { $0.contains(self) }) { return .loopback }
        return Self.insideBlocks.contains { $0.contains(self) } ? .inside : .public
    }

    private static let loopbackBlocks = ["127.0.0.0/8", "::1"].compactMap { AddressBlock($0) }

    /// The special-purpose registries of IANA (RFC 6890 and its successors), and what only looks public.
    private static let insideBlocks = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
        "240.0.0.0/4", "::", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
        "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    ].compactMap { AddressBlock($0) }
}

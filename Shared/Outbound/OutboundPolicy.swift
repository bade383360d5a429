import NIOPosix

/// Why a host may not be spoken to, or cannot be found.
package enum OutboundError: Error, Equatable, CustomStringConvertible {
    /// The operator's list has an item that is none of its kinds.
    case unreadableRule(String)
    case malformedURL
    case malformedMailServer
    /// Neither `https` nor, where the operator allows it, `http`.
    case unencrypted
    /// The host is not one the operator's policy names.
    case hostNotAllowed
    /// The host leads to an address inside a network that the policy does not open.
    case addressNotAllowed
    case unknownHost

    package var description: String {
        switch self {
        case .unreadableRule(let rule):
            "POLYCLINIC_OUTBOUND_ALLOW: “\(rule)” is not public, loopback, a host name, *.domain or an address block."
        case .malformedURL:
            "must be an http(s) URL with a port up to 65535 at most, and without user, query or fragment"
        case .malformedMailServer: "must be smtp://host:port or smtps://host:port without user, path or query"
        case .unencrypted: "must be encrypted; plain connections are only possible to networks the operator has opened"
        case .hostNotAllowed: "is not a host that the operator's outbound policy allows"
        case .addressNotAllowed: "leads to an address that the operator's outbound policy does not allow"
        case .unknownHost: "is not a host name that can be resolved"
        }
    }
}

/// Where this installation may connect to.
///
/// What clinics write into their configuration is held against it, and so is every
/// address that a name leads to, again at each connection.
///
/// The rules are separated by commas: `public` (every public address, and any host name as a custom endpoint), `loopback`,
/// host names (`smtp.example.com`, `*.example.com`) and address blocks (`10.1.0.0/16`). Host names say which hosts a clinic may
/// name: custom endpoints, which are refused without such a rule, and mail servers, which are held to it where there is one.
/// The other rules say which addresses may be reached, by providers' own hosts too; without one it is the public ones, and
/// where hosts are named theirs are among them.
package struct OutboundPolicy: Sendable {
    private let anyHost: Bool
    private let publicAddresses: Bool
    private let loopback: Bool
    private let hosts: [String]
    private let blocks: [AddressBlock]
    private let lookup: @Sendable (String) -> [IPAddress]

    /// Reads the setting `POLYCLINIC_OUTBOUND_ALLOW`; unset, public addresses may be reached and no custom endpoint named.
    ///
    /// - Parameter lookup: finds a name's addresses, and may block; the system's resolver without it.
    package init(allow: String?, lookup: (@Sendable (String) -> [IPAddress])? = nil) throws(OutboundError) {
        self.lookup = lookup ?? { NameLookup.addresses(of: $0) }
        var words: Set<String> = []
        var hosts: [String] = []
        var blocks: [AddressBlock] = []
        for item in (allow ?? "").lowercased().split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            if item == "public" || item == "loopback" {
                words.insert(String(item))
            } else if let block = AddressBlock(item) {
                blocks.append(block)
            } else if Self.isHostName(item.hasPrefix("*.") ? item.dropFirst(2) : item) {
                hosts.append(String(item))
            } else {
                throw .unreadableRule(String(item))
            }
        }
        self.hosts = hosts
        self.blocks = blocks
        anyHost = words.contains("public")
        loopback = words.contains("loopback")
        publicAddresses = words.contains("public") || (!loopback && blocks.isEmpty) || !hosts.isEmpty
    }

    /// Whether a connection to this address may be made.
    package func permits(_ address: IPAddress) -> Bool {
        if opens(address) { return true }
        return publicAddresses && address.reach == .public
    }

    /// Whether the operator has opened the network of this address, so that even plain connections are possible.
    package func opens(_ address: IPAddress) -> Bool {
        (loopback && address.reach == .loopback) || blocks.contains { $0.contains(address) }
    }

    /// Checks what can be said of a host without asking the resolver.
    ///
    /// - Parameter encrypted: whether the connection will be protected by TLS from its first byte or by STARTTLS.
    package func check(host: String, encrypted: Bool) throws(OutboundError) {
        if let literal = IPAddress(host) {
            guard permits(literal) else { throw .addressNotAllowed }
            guard encrypted || opens(literal) else { throw .unencrypted }
            return
        }
        guard Self.isHostName(host.lowercased()) else { throw .unknownHost }
        if Self.isLoopbackName(host) {
            guard loopback else { throw .addressNotAllowed }
            return
        }
        // Which addresses a name leads to is checked when it is resolved; a plain connection needs an opened network.
        guard encrypted || !blocks.isEmpty else { throw .unencrypted }
    }

    /// Checks a server that a clinic has written, its mail server: where the operator names hosts it must be one of them.
    ///
    /// - Parameter encrypted: as with `check(host:encrypted:)`.
    package func check(server host: String, encrypted: Bool) throws(OutboundError) {
        try check(host: host, encrypted: encrypted)
        guard hosts.isEmpty || names(host) else { throw .hostNotAllowed }
    }

    /// Checks a custom endpoint, a provider's base URL that a clinic has written: it must be a host that the operator names.
    package func check(endpoint text: String) throws(OutboundError) {
        let endpoint = try OutboundURL(text)
        // A provider's paths are put behind it.
        guard !endpoint.hasQuery else { throw .malformedURL }
        try check(named: endpoint.host, encrypted: endpoint.isEncrypted)
    }

    /// The same of a mail server.
    ///
    /// - Parameter encrypted: as with `check(host:encrypted:)`.
    package func check(endpoint: SMTPEndpoint, encrypted: Bool) throws(OutboundError) {
        try check(named: endpoint.host, encrypted: encrypted)
    }

    private func check(named host: String, encrypted: Bool) throws(OutboundError) {
        try check(host: host, encrypted: encrypted)
        guard names(host) else { throw .hostNotAllowed }
    }

    /// Whether the operator's rules name a host: itself, any, or the network that it stands in.
    private func names(_ text: String) -> Bool {
        if anyHost { return true }
        if let literal = IPAddress(text) { return opens(literal) }
        let host = text.lowercased()
        return hosts.contains { $0.hasPrefix("*.") ? host.hasSuffix($0.dropFirst()) : $0 == host }
            || (loopback && Self.isLoopbackName(host))
    }

    /// The addresses of a host, every one of them checked; blocks its thread.
    package func resolveBlocking(host: String, encrypted: Bool) throws(OutboundError) -> [IPAddress] {
        try check(host: host, encrypted: encrypted)
        let addresses = lookup(host)
        guard !addresses.isEmpty else { throw .unknownHost }
        // One bad address among good ones is how a name is made to pass: all of them must be allowed.
        guard addresses.allSatisfy({ permits($0) }) else { throw .addressNotAllowed }
        guard encrypted || addresses.allSatisfy({ opens($0) }) else { throw .unencrypted }
        return addresses
    }

    /// The same without blocking the caller.
    package func resolve(host: String, encrypted: Bool) async throws -> [IPAddress] {
        // An address is asked of nobody.
        if let literal = IPAddress(host) {
            try check(host: host, encrypted: encrypted)
            return [literal]
        }
        return try await NIOThreadPool.singleton.runIfActive { try resolveBlocking(host: host, encrypted: encrypted) }
    }

    private static func isLoopbackName(_ host: String) -> Bool {
        let host = host.lowercased()
        return host == "localhost" || host.hasSuffix(".localhost")
    }

    private static func isHostName(_ text: some StringProtocol) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        // A last label of digits is how 127.1 and 0x7f000001 pass as names.
        guard (1...253).contains(text.utf8.count), let last = labels.last,
            last.contains(where: { !$0.isHexDigit }) || labels.count > 1
        else { return false }
        guard !last.allSatisfy({ $0.isNumber }), !last.hasPrefix("0x") else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.unicodeScalars.allSatisfy {
                    $0 == "-" || $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil
                }
        }
    }
}

import FoundationEssentials

/// A provider's address: scheme, host and port, and what follows; nothing that could hide another host.
package struct OutboundURL: Sendable, Equatable {
    package let isEncrypted: Bool
    package let host: String
    /// From 1 to 65535: a socket's address with another one ends the process.
    package let port: Int
    let hasQuery: Bool

    /// As the `Host` header has it: without the port that the scheme means anyway.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isEncrypted ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// Reads an `http` or `https` URL; credentials in it are refused.
    package init(_ text: String) throws(OutboundError) {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }
        guard isPlain, let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "https" || scheme == "http", let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil, parts.fragment == nil
        else { throw .malformedURL }
        guard parts.isPortUsable else { throw .malformedURL }
        isEncrypted = scheme == "https"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (isEncrypted ? 443 : 80)
        hasQuery = parts.query != nil
    }
}

extension URLComponents {
    /// Whether its port, if it names one, is one that sockets have; one that is too large to be read looks like none.
    var isPortUsable: Bool { rangeOfPort == nil || port.map((1...65_535).contains) == true }
}

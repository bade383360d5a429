import FoundationEssentials

/// A mail server's address: `smtp://host[:port]`, or `smtps://host[:port]` where TLS is spoken from the first byte.
package struct SMTPEndpoint: Sendable, Equatable {
    /// Where mail is handed in when no port is named (RFC 6409), and where that is encrypted from the first byte (RFC 8314).
    static let (submissionPort, encryptedPort) = (587, 465)

    package let isEncrypted: Bool
    package let host: String
    package let port: Int

    /// Throws for whatever else a URL may have, a user, a path and a query included.
    package init(_ text: String) throws(OutboundError) {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "\\" }
        guard isPlain, let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "smtp" || scheme == "smtps", let host = parts.host, !host.isEmpty, parts.user == nil,
            parts.password == nil, ["", "/"].contains(parts.path), parts.query == nil, parts.fragment == nil
        else { throw .malformedMailServer }
        isEncrypted = scheme == "smtps"
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        guard parts.isPortUsable else { throw .malformedMailServer }
        port = parts.port ?? (isEncrypted ? Self.encryptedPort : Self.submissionPort)
    }
}

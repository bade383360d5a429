import Core
import FoundationEssentials
// FoundationEssentials alone knows letters of ASCII only; its IDNA comes with named time zones.
import FoundationInternationalization

/// Names of domains in their two forms: as they travel, and as people read them.
///
/// By IDNA 2008 with the mapping of UTS #46, not transitional: `faß.example` is another domain than `fass.example`.
enum DomainName {
    /// What is wrong with an address in whose domain no mail can travel.
    static let complaint = "has a domain that cannot be written in ASCII (IDNA)"

    private static let prefix = "xn--"

    /// Each label in ASCII (A-labels): `xn--mnchen-3ya.example` of `München.example`; a name in ASCII as it is.
    ///
    /// `nil` for a name that has no such form: letters that no domain has, or a label that becomes longer than 63 bytes.
    static func travelling(_ name: String) -> String? {
        if isASCII(name) { return name }
        var parts = URLComponents()
        parts.host = name
        // What cannot be encoded comes back with its bytes in per cent.
        return parts.encodedHost.flatMap { isASCII($0) && !$0.contains("%") ? $0 : nil }
    }

    /// In people's letters: `münchen.example` of `XN--MNCHEN-3YA.example`, and of whatever else travels as the same.
    static func readable(_ name: String) -> String {
        let labels = (travelling(name) ?? name).lowercased().split(separator: ".", omittingEmptySubsequences: false)
        return labels.map { letters(of: $0) ?? String($0) }.joined(separator: ".")
    }

    /// What a label in ASCII says to people; `nil` for one that is written as it is, or badly.
    static func letters(of label: some StringProtocol) -> String? {
        let label = label.lowercased()
        guard label.hasPrefix(prefix), isASCII(label) else { return nil }
        var parts = URLComponents()
        parts.host = label
        return parts.host.flatMap { isASCII($0) ? nil : $0 }
    }

    /// Whether a name in ASCII may have labels that say something else.
    static func mayBeEncoded(_ name: String) -> Bool { name.contains(prefix) }

    static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
}

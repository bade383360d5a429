import Contracts
import Core
import Crypto
import Vault

/// Twilio's signature of a callback (twilio.com/docs/usage/webhooks/webhooks-security): HMAC-SHA1 over the address and all
/// parameters, under the account's token.
enum TwilioSignature {
    /// Whether `X-Twilio-Signature` was made with one of the tokens.
    ///
    /// - Parameter url: the address as Twilio was given it, without a fragment; Twilio puts the usual port in or leaves it out
    ///   as it likes.
    static func isValid(_ header: String?, url: String, form: FormBody.Pairs, tokens: [Secret]) -> Bool {
        guard let signature = header.flatMap({ Base64.decode($0) }), signature.count == Insecure.SHA1.byteCount else {
            return false
        }
        let parameters = canonical(form)
        var isValid = false
        for token in tokens {
            let key = SymmetricKey(data: Array(token.unredacted.utf8))
            for address in spellings(of: url) {
                let text = Array(address.utf8) + parameters
                let expected = Array(HMAC<Insecure.SHA1>.authenticationCode(for: text, using: key))
                if constantTimeEqual(signature, expected) { isValid = true }
            }
        }
        return isValid
    }

    /// Names and values by name, blank ones too; of a repeated name each value once.
    private static func canonical(_ form: FormBody.Pairs) -> [UInt8] {
        let pairs = form.map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }.sorted {
            $0.name == $1.name
                ? $0.value.lexicographicallyPrecedes($1.value) : $0.name.lexicographicallyPrecedes($1.name)
        }
        var text: [UInt8] = []
        for (index, pair) in pairs.enumerated() where index == 0 || pairs[index - 1] != pair {
            text += pair.name + pair.value
        }
        return text
    }

    /// The address as it is, without its port, and with the one that its scheme means.
    private static func spellings(of url: String) -> [String] {
        guard let scheme = url.firstRange(of: "://") else { return [url] }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        let rest = url[authority.endIndex...]
        let host = authority.prefix { $0 != ":" }
        let port = url.hasPrefix("https:") ? 443 : 80
        let front = url[..<scheme.upperBound]
        if authority.hasPrefix("[") { return [url] }
        return host == authority ? [url, "\(front)\(host):\(port)\(rest)"] : [url, "\(front)\(host)\(rest)"]
    }
}

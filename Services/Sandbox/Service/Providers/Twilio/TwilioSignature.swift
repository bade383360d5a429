import Contracts
import Core
import Crypto

/// Signs callbacks as Twilio does (twilio.com/docs/usage/webhooks/webhooks-security): HMAC-SHA1 under the account's token.
enum TwilioSignature {
    /// `X-Twilio-Signature` over the address and all parameters, each value of a name once.
    static func make(_ token: String, _ url: String, _ pairs: [(name: String, value: String)]) -> String {
        var text = url
        for (name, values) in Dictionary(grouping: pairs, by: \.name).sorted(by: {
            Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8))
        }) {
            for value in Set(values.map(\.value)).sorted(by: {
                Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
            }) { text += name + value }
        }
        let key = SymmetricKey(data: Array(token.utf8))
        return Base64.encode(Array(HMAC<Insecure.SHA1>.authenticationCode(for: Array(text.utf8), using: key)))
    }
}

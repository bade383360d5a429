package import Contracts
package import Core

/// The credentials a provider takes, as data.
package struct CredentialShape: Sendable, Hashable {
    package enum Form: Sendable, Hashable {
        case text
        /// A text, or up to two while it rotates.
        case texts
        case number(ClosedRange<Int64>)
        case choice([String])
        case email
        /// A text, or the JSON object itself.
        case document
    }

    package struct Key: Sendable, Hashable {
        package var name: String
        package var form: Form = .text
        package var isSecret = false
        package var isRequired = true
    }

    /// The longest value, in bytes.
    package static let longestValue = 16_384
    /// Keys that say where the secrets are sent.
    ///
    /// A masked secret is kept only while these stay as they were.
    static let destinations: Set<String> = [
        "endpoint", "host", "port", "security", "url", "domain", "region", "environment",
    ]

    package let provider: String
    package let keys: [Key]
    /// Groups of keys of which exactly one must be given.
    package var oneOf: [[String]] = []

    /// The shape for a provider of a channel; `nil` if there is no such provider.
    package static func of(_ provider: String, channel: String) -> CredentialShape? {
        table[channel]?.first { $0.provider == provider }
    }

    /// The providers of a channel, in the order of the documentation.
    package static func providers(of channel: String) -> [String] { table[channel]?.map(\.provider) ?? [] }

    /// The key that a provider's webhooks are signed with, or verified.
    package static func webhookKey(of provider: String) -> String {
        switch provider {
        case "sendgrid": "webhookPublicKey"
        case "meta": "appSecret"
        case "twilio": "authToken"
        case "smtp": "verifyToken"
        default: "webhookSecret"
        }
    }

    package var secretKeys: Set<String> { Set(keys.filter(\.isSecret).map(\.name)) }

    /// All that is wrong with credentials; `pointer` is where they stand in the request.
    package func faults(of credentials: [String: JSONValue], at pointer: String) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        for key in keys {
            guard let value = credentials[key.name], value != .null else {
                if key.isRequired { faults.append(.init(pointer: "\(pointer)/\(key.name)", "is required")) }
                continue
            }
            if let wrong = key.complaint(about: value) {
                faults.append(.init(pointer: "\(pointer)/\(key.name)", wrong))
            }
        }
        let known = Set(keys.map(\.name)).union(oneOf.joined())
        for name in credentials.keys.sorted() where !known.contains(name) {
            faults.append(.init(pointer: "\(pointer)/\(name)", "is not a known key of \(provider)"))
        }
        for group in oneOf where group.count(where: { credentials[$0] != nil }) != 1 {
            faults.append(.init(pointer: pointer, "must have exactly one of \(group.joined(separator: ", "))"))
        }
        return faults
    }

    /// The credentials as they may be shown.
    package func masked(_ credentials: Credentials) -> [String: JSONValue] {
        let secret = secretKeys
        return Dictionary(
            uniqueKeysWithValues: credentials.unredacted.map { ($0, secret.contains($0) ? Mask.masked($1) : $1) }
        )
    }
}

extension CredentialShape.Key {
    fileprivate func complaint(about value: JSONValue) -> String? {
        if isSecret, Mask.isMasked(value) { return nil }
        switch (form, value) {
        case (.text, .string(let text)), (.texts, .string(let text)), (.document, .string(let text)):
            return textComplaint(text)
        case (.texts, .array(let values)) where (1...2).contains(values.count):
            return values.allSatisfy { ($0.string.map { textComplaint($0) == nil }) == true } ? nil : "must hold texts"
        case (.document, .object): return nil
        case (.number(let range), .integer(let number)):
            return range.contains(number) ? nil : "must be \(range.lowerBound) to \(range.upperBound)"
        case (.choice(let choices), .string(let text)):
            return choices.contains(text) ? nil : "must be one of \(choices.joined(separator: ", "))"
        case (.email, .string(let text)): return EmailAddress(text) == nil ? "is not an e-mail address" : nil
        case (.number, _): return "must be a number"
        default: return "must be a text"
        }
    }

    private func textComplaint(_ text: String) -> String? {
        if text.isEmpty { return "must not be empty" }
        if text.utf8.count > CredentialShape.longestValue { return "is too long" }
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || form == .document }
        return isPlain ? nil : "must not have control characters"
    }
}

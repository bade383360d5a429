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
        /// The provider's webhooks are signed with it, or verified: one that is replaced stays valid for a while.
        package var signsWebhooks = false
        /// Webhooks say whose they are by it: with another one they are another account's.
        package var namesAccount = false
        /// The longest text, in bytes.
        package var longest = CredentialShape.longestValue

        package init(
            _ name: String,
            form: Form = .text,
            isSecret: Bool = false,
            isRequired: Bool = true,
            signsWebhooks: Bool = false
        ) {
            self.name = name
            self.form = form
            self.isSecret = isSecret
            self.isRequired = isRequired
            self.signsWebhooks = signsWebhooks
        }
    }

    /// The longest value of a key that says nothing of it, in bytes.
    package static let longestValue = 16_384
    /// Keys that say to whom the secrets are sent; a region or a port is the same one's.
    private static let destinations: Set<String> = ["endpoint", "host", "url", "domain"]
    /// The key that says how a connection is protected, and what it says of one that is not.
    private static let protection = (key: "security", none: JSONValue.string("none"))

    /// Whether a masked secret still goes the way that the stored one went: to nobody else, and not unprotected.
    static func isSameWay(_ credentials: [String: JSONValue], _ stored: [String: JSONValue]?) -> Bool {
        let isBare = credentials[protection.key] == protection.none && stored?[protection.key] != protection.none
        return !isBare && destinations.allSatisfy { credentials[$0] == stored?[$0] }
    }

    package let provider: String
    package let keys: [Key]
    /// Groups of keys of which exactly one must be given.
    package let oneOf: [[String]]

    /// - Parameter keys: all but those of the groups, which are texts.
    package init(_ provider: String, _ keys: [Key], oneOf: [[String]] = []) {
        self.provider = provider
        self.keys = keys + oneOf.joined().map { Key.optional($0) }
        self.oneOf = oneOf
    }

    /// The key that the provider's webhooks are signed with, or verified; `nil` where there is none.
    var signingKey: String? { keys.first { $0.signsWebhooks }?.name }

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
        let known = Set(keys.map(\.name))
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
    /// A text that there must be.
    package static func text(_ name: String) -> Self { Self(name) }
    /// A text that there may be.
    package static func optional(_ name: String) -> Self { Self(name, isRequired: false) }
    /// A secret text that there must be.
    package static func secret(_ name: String) -> Self { Self(name, isSecret: true) }
    /// A secret text that there may be, or two while it rotates.
    package static func secrets(_ name: String) -> Self {
        Self(name, form: .texts, isSecret: true, isRequired: false)
    }
    /// An e-mail address that there must be.
    package static func email(_ name: String) -> Self { Self(name, form: .email) }
    /// The same key, as the one that webhooks name their account by.
    package var naming: Self {
        var key = self
        key.namesAccount = true
        return key
    }

    /// The same key, with texts of at most so many bytes.
    package func upTo(_ bytes: Int) -> Self {
        var key = self
        key.longest = bytes
        return key
    }

    /// The same key, as the one that webhooks are signed with.
    package var signing: Self {
        var key = self
        key.signsWebhooks = true
        return key
    }

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
        case (.email, .string(let text)): return EmailAddress(text) == nil ? EmailAddress.complaint : nil
        case (.number, _): return "must be a number"
        default: return "must be a text"
        }
    }

    private func textComplaint(_ text: String) -> String? {
        if text.isEmpty { return "must not be empty" }
        if text.utf8.count > longest { return "is too long" }
        let isPlain = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F || form == .document }
        return isPlain ? nil : "must not have control characters"
    }
}

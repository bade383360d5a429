import Contracts
import Core

/// A topic of Amazon SNS by its name.
struct SNSTopic: Sendable, Equatable {
    let arn: String
    let region: String
    /// Where the region's SNS is; other partitions than the three that are open to everybody are not known.
    let host: String

    /// `nil` unless it is `arn:aws:sns:<region>:<account>:<name>`, or the same in China or GovCloud.
    init?(_ arn: String) {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[2] == "sns", Self.isRegion(parts[3]), parts[4].count == 12,
            parts[4].utf8.allSatisfy(\.isDigit), Self.isName(parts[5])
        else { return nil }
        let isChina = parts[3].hasPrefix("cn-")
        switch parts[1] {
        case "aws", "aws-us-gov": if isChina { return nil }
        case "aws-cn": if !isChina { return nil }
        default: return nil
        }
        self.arn = arn
        region = String(parts[3])
        host = "sns.\(region).amazonaws.com\(isChina ? ".cn" : "")"
    }

    private static func isRegion(_ text: Substring) -> Bool {
        (5...30).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isDigit || $0.isSmallLetter || $0 == UInt8(ascii: "-") }
    }

    private static func isName(_ text: Substring) -> Bool {
        (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                $0.isLetterOrDigit || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0)
            }
    }
}

/// What Amazon SNS posts to an HTTP address: a message with its signature, or news of the subscription itself.
struct SNSEnvelope: Sendable, Equatable {
    enum Kind: String, Sendable {
        case notification = "Notification"
        case subscribed = "SubscriptionConfirmation"
        case unsubscribed = "UnsubscribeConfirmation"
    }

    let kind: Kind
    /// The same in each delivery of the same message.
    let id: String
    let topic: SNSTopic
    let timestamp: Instant
    let message: String
    /// "1" stands for SHA-1, "2" for SHA-256.
    let version: String
    let signature: [UInt8]
    let certificateURL: String
    /// Where a subscription is confirmed.
    let subscribeURL: String?
    private let fields: [String: String]

    /// `nil` for what is none: nobody can have signed it.
    init?(_ body: [UInt8]) {
        guard let json = try? JSONTape(body).decode(JSONValue.self), case .object(let members) = json else {
            return nil
        }
        let fields = members.compactMapValues(\.string)
        guard let kind = fields["Type"].flatMap({ Kind(rawValue: $0) }),
            let id = ProviderVerdict.token(fields["MessageId"]),
            let topic = fields["TopicArn"].flatMap({ SNSTopic($0) }),
            let timestamp = fields["Timestamp"].flatMap({ Instant(rfc3339: $0) }), let message = fields["Message"],
            let version = fields["SignatureVersion"],
            let signature = fields["Signature"].flatMap({ Base64.decode($0) }),
            let certificateURL = fields["SigningCertURL"]
        else { return nil }
        self.kind = kind
        self.id = id
        self.topic = topic
        self.timestamp = timestamp
        self.message = message
        self.version = version
        self.signature = signature
        self.certificateURL = certificateURL
        subscribeURL = fields["SubscribeURL"]
        self.fields = fields
    }

    /// What the signature may be over: names and values in order, a line each.
    var signedTexts: [[UInt8]] {
        let usual = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        let ofSubscriptions = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        return switch kind {
        case .notification: [text(of: usual)]
        case .subscribed: [text(of: ofSubscriptions)]
        // Their guide and their own validators do not agree whether it carries a token.
        case .unsubscribed: [text(of: ofSubscriptions), text(of: usual)]
        }
    }

    private func text(of names: [String]) -> [UInt8] {
        names.flatMap { name in fields[name].map { Array("\(name)\n\($0)\n".utf8) } ?? [] }
    }
}

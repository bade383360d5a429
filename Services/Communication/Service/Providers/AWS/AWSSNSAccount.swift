import CommunicationAPI
import Contracts
import Core
import Outbound
import ProviderConfig

/// An account of Amazon SNS in one region, and its signed calls (docs.aws.amazon.com/sns/latest/api, version 2010-03-31).
struct AWSSNSAccount: Sendable {
    static let signingName = "sns"
    private static let version = "2010-03-31"
    /// What both channels' credentials have.
    static let keys: [CredentialShape.Key] = [
        .text("accessKeyId"), .secret("secretAccessKey"), .text("region"), .optional("eventTopicArn").naming,
    ]

    let base: String
    let region: String
    private let signer: SigV4
    private let http: OutboundHTTP

    init?(_ credentials: Credentials, base: String, through transports: ProviderTransports) {
        guard let accessKeyID = credentials.text("accessKeyId"), let secret = credentials.text("secretAccessKey"),
            let region = credentials.text("region")
        else { return nil }
        self.base = base
        self.region = region
        signer = SigV4(
            accessKeyID: accessKeyID,
            secretAccessKey: Secret(secret),
            region: region,
            service: Self.signingName
        )
        http = transports.http
    }

    /// What is wrong with what both channels' credentials have.
    static func faults(_ credentials: Credentials) -> [CredentialFault] {
        var faults: [CredentialFault] = []
        if !isName(credentials.text("region"), atMost: 32) {
            faults.append(.init("region", "must be an AWS region like eu-west-1"))
        }
        if !isName(credentials.text("accessKeyId"), atMost: 128) {
            faults.append(.init("accessKeyId", "is not an access key id"))
        }
        if let topic = credentials.text("eventTopicArn"), SNSTopic(topic) == nil {
            let example = "arn:aws:sns:eu-west-1:123456789012:events"
            faults.append(.init("eventTopicArn", "must be the ARN of an SNS topic, like \(example)"))
        }
        return faults
    }

    static func usualBase(_ credentials: Credentials) -> String {
        let region = credentials.text("region") ?? ""
        return "https://sns.\(region).amazonaws.com\(region.hasPrefix("cn-") ? ".cn" : "")"
    }

    /// Calls an action and reads its answer.
    func verdict(
        _ action: String,
        _ parameters: FormBody.Pairs,
        deadline: Deadline,
        reading answer: (OutboundResponse) -> ProviderVerdict
    ) async -> ProviderVerdict {
        guard let call = try? call(action, parameters, at: .now()) else {
            return ProviderVerdict(.transient, host: .untried)
        }
        return await http.verdict(call, deadline: deadline, reading: answer)
    }

    /// The request of an action; its signature holds for minutes.
    func call(_ action: String, _ parameters: FormBody.Pairs, at time: Instant) throws -> ProviderCall {
        let target = try OutboundURL(base)
        let prefix = base.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3)
        let body = FormBody.encode([("Action", action), ("Version", Self.version)] + parameters)
        var headers = [
            (name: "Host", value: target.authority), (name: "X-Amz-Date", value: SigV4.stamp(time)),
            (name: "Content-Type", value: FormBody.mediaType),
        ]
        let request = SigV4.Request(
            method: "POST",
            path: prefix.map { "/\($0)" }.joined() + "/",
            headers: headers,
            body: body
        )
        headers.append((name: "Authorization", value: signer.authorization(request, at: time)))
        headers.append((name: "User-Agent", value: ProviderCall.userAgent))
        return ProviderCall(method: "POST", url: base + "/", headers: headers, body: body)
    }

    /// `MessageAttributes.entry.1.Name`, `.Value.DataType` and `.Value.StringValue`, and so on.
    static func attributes(_ attributes: [(name: String, value: String)]) -> FormBody.Pairs {
        attributes.enumerated().flatMap { index, attribute in
            let place = "MessageAttributes.entry.\(index + 1)"
            return [
                (name: "\(place).Name", value: attribute.name), (name: "\(place).Value.DataType", value: "String"),
                (name: "\(place).Value.StringValue", value: attribute.value),
            ]
        }
    }

    private static func isName(_ text: String?, atMost length: Int) -> Bool {
        guard let text, (1...length).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy {
            $0.isLetterOrDigit || $0 == UInt8(ascii: "-")
        }
    }
}

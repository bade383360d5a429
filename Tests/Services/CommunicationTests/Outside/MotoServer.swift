import Contracts
import Core
import FoundationEssentials
import LocalServers
import Logging
import Outbound
import TestKit

@testable import Communication

/// AWS as moto plays it: a user of the test's own, whose signatures and permissions are checked, and what was taken.
struct MotoServer: Sendable {
    static let region = "eu-west-1"
    private static let program = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".build/outsiders/bin/python").path
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) }

    let url: String
    let accessKey: String
    let secretKey: String
    /// Of a platform application for Google's service.
    let application: String
    private let http: OutboundHTTP

    /// - Parameter actions: what the user may do.
    static func with(allowing actions: [String] = ["ses:*", "sns:*"], _ body: (MotoServer) async throws -> Void)
        async throws
    {
        let port = try Ports.free()
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("pc-moto-\(RequestID())").path
        defer { try? FileManager.default.removeItem(atPath: log) }
        let process = try ChildProcess(
            ChildProcess.Command(
                program,
                ["-m", "moto.server", "-H", "127.0.0.1", "-p", "\(port)"],
                environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"],
                output: log
            )
        )
        defer { process.stop() }
        let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let http = OutboundHTTP(policy: try OutboundPolicy(allow: "loopback"), logger: quiet)
        let desk = Desk(url: "http://127.0.0.1:\(port)", http: http)
        try await eventually("moto answers") { (try? await desk.call("GET", "/moto-api/data.json")) != nil }
        try await body(try await desk.opened(allowing: actions))
    }

    /// What it keeps of a kind, such as `Message` of `ses`.
    func kept(_ service: String, _ kind: String) async throws -> [JSONValue] {
        let data = try await Desk(url: url, http: http).call("GET", "/moto-api/data.json")
        return try JSONTape(Array(data.utf8)).decode(JSONValue.self)[service]?[kind]?.list ?? []
    }

    /// Whether calls have to be signed, and be allowed.
    ///
    /// A form is signed again as Python writes it, with `+` for a blank, and not as it came: one that has blanks fails.
    func checkSignatures(_ isOn: Bool) async throws { try await Desk(url: url, http: http).checkSignatures(isOn) }

    /// Turns a device's endpoint off, as AWS does when Google says that it is gone.
    func disable(_ endpoint: String) async throws {
        try await checkSignatures(false)
        _ = try await Desk(url: url, http: http).ask(
            "sns",
            "SetEndpointAttributes",
            [("EndpointArn", endpoint), ("Attributes.entry.1.key", "Enabled"), ("Attributes.entry.1.value", "false")]
        )
        try await checkSignatures(true)
    }

    /// Publishes to a topic of its own, and gives what SNS posts of it, signed, with the certificate.
    func notice(of message: String) async throws -> (envelope: [UInt8], certificate: [UInt8]) {
        let desk = Desk(url: url, http: http)
        let account = "\(Self.region):123456789012"
        try await checkSignatures(false)
        _ = try await desk.ask("sns", "CreateTopic", [("Name", "events")])
        _ = try await desk.ask("sqs", "CreateQueue", [("QueueName", "events")])
        let topic = "arn:aws:sns:\(account):events"
        _ = try await desk.ask(
            "sns",
            "Subscribe",
            [("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", "arn:aws:sqs:\(account):events")]
        )
        _ = try await desk.ask("sns", "Publish", [("TopicArn", topic), ("Message", message)])
        let queue = try JSONWriter.encode(["QueueUrl": .string("\(url)/123456789012/events")] as JSONValue)
        let received = try await desk.call(
            "POST",
            "/",
            "sqs",
            "application/x-amz-json-1.0",
            String(decoding: queue, as: UTF8.self),
            target: "AmazonSQS.ReceiveMessage"
        )
        let answer = try JSONTape(Array(received.utf8)).decode(JSONValue.self)
        guard let body = answer["Messages"]?.list.first?["Body"]?.string,
            let name = try JSONTape(Array(body.utf8)).decode(JSONValue.self)["SigningCertURL"]?.string?
                .split(separator: "/").last
        else { throw TestKitError("nothing was published") }
        let certificate = try await desk.call("GET", "/\(name)", "sns")
        return (Array(body.utf8), Array(certificate.utf8))
    }

    /// Calls of whoever owns the account, which nobody checks.
    private struct Desk {
        let url: String
        let http: OutboundHTTP

        func opened(allowing actions: [String]) async throws -> MotoServer {
            let policy: JSONValue = [
                "Version": "2012-10-17",
                "Statement": [["Effect": "Allow", "Action": .array(actions.map { .string($0) }), "Resource": "*"]],
            ]
            let document = String(decoding: try JSONWriter.encode(policy), as: UTF8.self)
            _ = try await ask("iam", "CreateUser", [("UserName", "clinic")])
            _ = try await ask(
                "iam",
                "PutUserPolicy",
                [("UserName", "clinic"), ("PolicyName", "p"), ("PolicyDocument", document)]
            )
            let key = try await ask("iam", "CreateAccessKey", [("UserName", "clinic")])
            let application = try await ask(
                "sns",
                "CreatePlatformApplication",
                [("Name", "clinic"), ("Platform", "GCM")]
            )
            _ = try await call(
                "POST",
                "/v2/email/identities",
                "ses",
                "application/json",
                #"{"EmailIdentity":"example.com"}"#
            )
            try await checkSignatures(true)
            return MotoServer(
                url: url,
                accessKey: try Self.element("AccessKeyId", key),
                secretKey: try Self.element("SecretAccessKey", key),
                application: try Self.element("PlatformApplicationArn", application),
                http: http
            )
        }

        func checkSignatures(_ isOn: Bool) async throws {
            _ = try await call("POST", "/moto-api/reset-auth", "iam", "text/plain", isOn ? "0" : "inf")
        }

        func ask(_ service: String, _ action: String, _ parameters: FormBody.Pairs) async throws -> String {
            let body = FormBody.encode([("Action", action)] + parameters)
            return try await call("POST", "/", service, FormBody.mediaType, String(decoding: body, as: UTF8.self))
        }

        func call(
            _ method: String,
            _ path: String,
            _ service: String = "iam",
            _ type: String = "text/plain",
            _ body: String = "",
            target: String? = nil
        ) async throws -> String {
            // The scope tells moto whom the call is for.
            let scope = "Credential=owner/20260101/\(MotoServer.region)/\(service)/aws4_request"
            var headers = [
                ("Content-Type", type),
                ("Authorization", "AWS4-HMAC-SHA256 \(scope), SignedHeaders=host, Signature=0"),
            ]
            if let target { headers.append(("X-Amz-Target", target)) }
            let response = try await http.send(
                method: method,
                url: url + path,
                headers: headers,
                body: Array(body.utf8),
                deadline: .after(.seconds(20)),
                maxResponse: 16 << 20
            )
            let text = String(decoding: response.body, as: UTF8.self)
            guard response.status < 300 else { throw TestKitError("\(path): \(response.status) \(text.prefix(300))") }
            return text
        }

        private static func element(_ name: String, _ xml: String) throws -> String {
            guard let start = xml.firstRange(of: "<\(name)>")?.upperBound,
                let end = xml[start...].firstRange(of: "</\(name)>")?.lowerBound
            else { throw TestKitError("there is no \(name)") }
            return String(xml[start..<end])
        }
    }
}

import Authorization
import Bus
import CommunicationAPI
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig

import TestKit
import Testing

@testable import Communication
@testable import ServiceHost

/// One new clinic at the shared desk, and what it does there.
struct TestClinic: Sendable {
    static let endpoints = MessageDesk.endpoints
    static let admin = Principal(kind: .user, id: "\(UserID(high: 1, low: 1))", roles: ["CLINIC_ADMIN"])
    /// May send and see, not read.
    static let accountant = Principal(kind: .user, id: "\(UserID(high: 1, low: 2))", roles: ["ACCOUNTANT"])

    let desk: MessageDesk
    let clinic = ClinicID()

    init() throws { desk = try MessageDesk.shared() }
    init(at desk: MessageDesk) { self.desk = desk }

    /// What a request was answered with.
    struct Answer<Output: Sendable>: Sendable {
        var status: Int
        var output: Output?
        var problem: JSONValue?
        var version: String?
        var location: String?

        var code: String? { problem?["code"]?.string }
        var pointers: [String] {
            guard case .array(let errors) = problem?["errors"] else { return [] }
            return errors.compactMap { $0["pointer"]?.string }
        }
    }

    /// Asks for an operation as this clinic's admin, unless told otherwise.
    func ask<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        as principal: Principal = admin,
        scope: Scope = .clinic,
        ifMatch: String? = nil,
        ifNoneMatch: String? = nil,
        key: String? = nil,
        headers: [String: String] = [:]
    ) async throws -> Answer<Output> {
        // Operations that belong to no clinic are asked without one, as the gateway does.
        let clinic: ClinicID? = if case .none = endpoint.tenancy { nil } else { clinic }
        let bytes = try JSONWriter.encode(input)
        // What the gateway would refuse proves nothing about the service.
        let faults = try endpoint.inputSchema.violations(in: JSONTape(bytes))
        try #require(faults.isEmpty, "\(faults)")
        let request = BusRequest(
            operation: endpoint.name,
            clinic: clinic,
            principal: principal.asking(endpoint),
            scope: scope,
            deadline: .after(.seconds(20)),
            idempotencyKey: key ?? "\(RequestID())",
            clientKey: key != nil,
            ifMatch: ifMatch,
            ifNoneMatch: ifNoneMatch,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: headers,
            input: bytes
        )
        guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: false) else {
            throw Problem.unavailable("The answer")
        }
        var answer = Answer<Output>(status: reply.status)
        answer.version = reply.headers.first { $0.0 == "ETag" }?.1
        answer.location = reply.headers.first { $0.0 == "Location" }?.1
        if reply.status >= 400 {
            answer.problem = try JSONTape(reply.body).decode(JSONValue.self)
        } else if !reply.body.isEmpty {
            let output = try JSONTape(reply.body)
            let faults = try #require(try endpoint.outputSchema).violations(in: output)
            #expect(faults.isEmpty, "the reply is not what \(endpoint.name) declares: \(faults)")
            answer.output = try output.decode(Output.self)
        }
        return answer
    }

    /// Asks for an operation that answers with text, as a provider.
    func text<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        as principal: Principal = Principal(kind: .provider, id: "test")
    ) async throws -> (status: Int, text: String) {
        let clinic: ClinicID? = if case .none = endpoint.tenancy { nil } else { clinic }
        let request = BusRequest(
            operation: endpoint.name,
            clinic: clinic,
            principal: principal.asking(endpoint),
            scope: .clinic,
            deadline: .after(.seconds(20)),
            idempotencyKey: "\(RequestID())",
            clientKey: false,
            ifMatch: nil,
            ifNoneMatch: nil,
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            headers: [:],
            input: try JSONWriter.encode(input)
        )
        guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: false) else {
            throw Problem.unavailable("The answer")
        }
        return (reply.status, String(decoding: reply.body, as: UTF8.self))
    }

    /// A page of a message's file, asked for by whoever holds the link.
    func page(_ token: String, page: String? = nil) async throws -> (
        status: Int, contentType: String, body: [UInt8], next: String?
    ) {
        let request = BusRequest(
            operation: Self.endpoints.media.fetch.name,
            clinic: clinic,
            principal: .anonymous,
            scope: .clinic,
            deadline: .after(.seconds(20)),
            idempotencyKey: "\(RequestID())",
            source: RequestSource(address: "127.0.0.1", userAgent: "test"),
            page: page,
            input: try JSONWriter.encode(MediaPath(clinicId: clinic, token: token))
        )
        guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: false) else {
            throw Problem.unavailable("The answer")
        }
        return (reply.status, reply.contentType, reply.body, reply.nextPage)
    }

    /// Chooses providers of e-mail, the first primary.
    @discardableResult
    func configure(_ providers: ProviderDraft...) async throws -> CommunicationConfiguration {
        try await configure(email: providers)
    }

    /// Chooses providers of several channels, the first of each primary.
    @discardableResult
    func configure(
        email: [ProviderDraft] = [],
        sms: [ProviderDraft] = [],
        settings: CommunicationSettings? = nil
    ) async throws -> CommunicationConfiguration {
        func chain(_ providers: [ProviderDraft]) -> ChannelDraft? {
            providers.first.map { ChannelDraft(primary: $0, fallback: Array(providers.dropFirst())) }
        }
        return try await configure(
            ConfigurationDraft(clinicId: clinic, email: chain(email), sms: chain(sms), settings: settings)
        )
    }

    /// Chooses providers of any channels.
    @discardableResult
    func configure(_ draft: ConfigurationDraft) async throws -> CommunicationConfiguration {
        let present = try await ask(Self.endpoints.configuration.read, ConfigurationPath(clinicId: clinic))
        let answer = try await ask(
            Self.endpoints.configuration.put,
            draft,
            ifMatch: present.version,
            ifNoneMatch: present.version == nil ? "*" : nil
        )
        try #require(answer.status < 300, "\(String(describing: answer.problem))")
        return try #require(answer.output)
    }

    /// Whose providers e-mail goes through.
    func effective() async throws -> EffectiveConfiguration.Channel {
        let path = ConfigurationPath(clinicId: clinic)
        return try #require(try await ask(Self.endpoints.configuration.effective, path).output?.email)
    }

    /// An accepted message.
    func send(_ draft: MessageDraft? = nil, to address: String = "asha@example.com") async throws -> MessageID {
        let plain = MessageDraft(
            to: RecipientDraft(email: EmailAddress(address)),
            content: MessageContent(subject: "Hello", text: "Your results are in.", html: "<p>Your results are in.</p>")
        )
        let answer = try await ask(Self.endpoints.messages.send, draft ?? plain)
        try #require(answer.status == 202, "\(String(describing: answer.problem))")
        return try #require(answer.output?.id)
    }

    func message(_ id: MessageID, as principal: Principal = admin) async throws -> Message {
        try #require(try await ask(Self.endpoints.messages.read, MessagePath(id: id), as: principal).output)
    }

    /// Counts the changes of a message.
    func version(of id: MessageID) async throws -> Int64 {
        try await desk.database.inspect(
            "select version from messages where clinic_id = \(clinic) and id = \(id)"
        ) { try $0[0][0] }
    }

    /// The message once it has come to an end, or to a state that is waited for.
    func settled(_ id: MessageID, _ wanted: Set<MessageStatus> = [.sent, .failed, .unknown, .expired, .cancelled])
        async throws
        -> Message
    {
        try await eventually("the message's end", within: .seconds(40)) {
            let message = try await message(id)
            return wanted.contains(message.status) ? message : nil
        }
    }

    /// The entry in force.
    func configuredEntry() async throws -> ProviderEntry? {
        try await desk.sending.resolver.resolve(clinic, channel: "email").entries.first
    }

    func health() async throws -> [EntryHealth] {
        try #require(try await ask(Self.endpoints.health.read, ConfigurationPath(clinicId: clinic)).output?.items)
    }
}

extension ProviderDraft {
    /// ZeptoMail at an address of the test's.
    static func zeptomail(_ endpoint: String, token: String = "sendmail-token-0001", id: ProviderEntryID? = nil)
        -> ProviderDraft
    {
        ProviderDraft(
            id: id,
            provider: "zeptomail",
            credentials: [
                "sendMailToken": .string(token), "fromEmail": "clinic@example.com", "fromName": "Clinic",
                "endpoint": .string(endpoint),
            ]
        )
    }

    /// SES at an address of the test's, with the pair of AWS's documentation.
    static func awsSES(_ endpoint: String, secret: String = ProviderSamples.secretKey) -> ProviderDraft {
        ProviderDraft(
            provider: "aws_ses",
            credentials: [
                "accessKeyId": .string(ProviderSamples.accessKey), "secretAccessKey": .string(secret),
                "region": "eu-west-1", "fromEmail": "clinic@example.com", "fromName": "Clinic",
                "endpoint": .string(endpoint),
            ]
        )
    }

    /// A number of Meta's at an address of the test's.
    static func meta(
        _ endpoint: String,
        token: String = "EAAG-token-0001",
        number: String = "106540352242922",
        secret: String = "clinic-app-secret"
    ) -> ProviderDraft {
        ProviderDraft(
            provider: "meta",
            credentials: [
                "accessToken": .string(token), "phoneNumberId": .string(number), "appSecret": .string(secret),
                "verifyToken": "clinic-verify-token", "endpoint": .string(endpoint),
            ]
        )
    }

    /// FCM at an address of the test's, with the JSON key of a service account.
    static func fcm(_ endpoint: String, account: JSONValue) -> ProviderDraft {
        ProviderDraft(provider: "fcm", credentials: ["serviceAccount": account, "endpoint": .string(endpoint)])
    }

    static func sendgrid(_ endpoint: String, key: String = "SG.key-0001") -> ProviderDraft {
        keyed("sendgrid", endpoint, key)
    }

    static func resend(_ endpoint: String, key: String = "re_key_0001") -> ProviderDraft {
        keyed("resend", endpoint, key)
    }

    private static func keyed(_ provider: String, _ endpoint: String, _ key: String) -> ProviderDraft {
        ProviderDraft(
            provider: provider,
            credentials: [
                "apiKey": .string(key), "fromEmail": "clinic@example.com", "fromName": "Clinic",
                "endpoint": .string(endpoint),
            ]
        )
    }

    /// One of those, by name; `wrong` with a credential that the sandbox refuses.
    static func named(_ provider: String, at endpoint: String, wrong: Bool = false) throws -> ProviderDraft {
        switch provider {
        case "aws_ses": wrong ? .awsSES(endpoint, secret: "another-secret") : .awsSES(endpoint)
        case "sendgrid": wrong ? .sendgrid(endpoint, key: "SG.wrong-0001") : .sendgrid(endpoint)
        case "resend": wrong ? .resend(endpoint, key: "re_wrong_0001") : .resend(endpoint)
        default: throw TestKitError("no provider \(provider)")
        }
    }

    /// SMS through Twilio at an address of the test's.
    static func twilio(_ endpoint: String) -> ProviderDraft {
        ProviderDraft(
            provider: "twilio",
            credentials: [
                "accountSid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "authToken": "twilio-sandbox-token",
                "fromNumber": "+15005550006", "endpoint": .string(endpoint),
            ]
        )
    }

    /// A mail server at a port of the test's; nobody's at port 9.
    ///
    /// - Parameter endpoint: another one in its place.
    static func smtp(
        port: Int,
        host: String? = nil,
        password: String? = nil,
        endpoint: String? = nil
    ) -> ProviderDraft {
        let host = host ?? (port == 9 ? SandboxPlace.nobody : "127.0.0.1")
        var credentials: [String: JSONValue] = [
            "host": .string(host), "port": .integer(Int64(port)), "security": "none", "fromEmail": "clinic@example.com",
            "fromName": "Clinic",
        ]
        if let password {
            credentials["username"] = "clinic"
            credentials["password"] = .string(password)
        }
        if let endpoint { credentials["endpoint"] = .string(endpoint) }
        return ProviderDraft(provider: "smtp", credentials: credentials)
    }
}

extension Principal {
    /// With what the gateway finds that the built-in roles hold within an operation.
    fileprivate func asking(_ endpoint: any EndpointDescription) -> Principal {
        let roles = roles.compactMap { Role(rawValue: $0) }
        var principal = self
        principal.heldWithin = endpoint.asksWithin.filter { permission in
            let rule = Roles.rules.first { $0.permission == permission }
            return roles.contains { rule?.reach[$0] == .clinic }
        }.map(\.name)
        return principal
    }
}

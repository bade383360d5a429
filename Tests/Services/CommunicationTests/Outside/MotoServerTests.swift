import CommunicationAPI
import Contracts
import Core
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Our calls to AWS as a server takes them that others have written, and that signs them again with AWS's own code.
@Suite(.serialized, .enabled(if: MotoServer.isInstalled, "moto is not installed"), .timeLimit(.minutes(3)))
struct MotoServerTests {
    private static let device = "fGTokenOfAnInstalledApp:APA91b"

    private func credentials(_ server: MotoServer, secret: String? = nil) -> [String: JSONValue] {
        [
            "accessKeyId": .string(server.accessKey), "secretAccessKey": .string(secret ?? server.secretKey),
            "region": .string(MotoServer.region), "endpoint": .string(server.url),
        ]
    }

    private func credentials(_ server: MotoServer, of channel: MessageChannel, from: String = "clinic@example.com")
        -> [String: JSONValue]
    {
        var credentials = credentials(server)
        switch channel {
        case .email: credentials.merge(["fromEmail": .string(from), "fromName": "Klinik \"Süd\", Ost"]) { $1 }
        case .push: credentials["platformApplicationArn"] = .string(server.application)
        default: break
        }
        return credentials
    }

    private func contract(_ channel: MessageChannel, _ server: MotoServer) -> ProviderContract {
        let name = channel == .email ? AWSSESProvider.name : AWSSNSTextProvider.name
        return ProviderContract(
            place: ProviderContract.Place(channel: channel, provider: name),
            credentials: credentials(server, of: channel),
            allowed: "loopback"
        )
    }

    // MARK: - The contract

    /// SES's account is nothing that moto tells of, so its check cannot be held to it.
    @Test(arguments: [MessageChannel.sms, .push]) func theContractHolds(channel: MessageChannel) async throws {
        try await MotoServer.with { server in
            let contract = contract(channel, server)
            try await contract.letsUsIn()
            try await contract.keepsOthersOut()
            #expect(try await server.kept("sns", "SMS").isEmpty)
            try await server.checkSignatures(false)
            try await contract.takesAMessage(to: channel == .sms ? "+4915112345678" : Self.device)
        }
    }

    @Test func aKeyThatMayOnlySendIsLetIn() async throws {
        try await MotoServer.with(allowing: ["sns:Publish"]) { server in
            try await contract(.sms, server).letsUsIn()
            let verdict = try await texts(server).send(
                try ProviderSamples.text("Hello"),
                deadline: .after(.seconds(20))
            )
            #expect(verdict.outcome == .accepted, "\(verdict)")
        }
        try await MotoServer.with(allowing: ["sns:GetSMSAttributes"]) { server in
            try await contract(.sms, server).letsUsIn()
            let verdict = try await texts(server).send(
                try ProviderSamples.text("Hello"),
                deadline: .after(.seconds(20))
            )
            #expect(verdict.outcome == .credentials, "\(verdict)")
            #expect(try await server.kept("sns", "SMS").isEmpty)
        }
    }

    // MARK: - SES

    private func mail(_ server: MotoServer, from: String = "clinic@example.com", secret: String? = nil) throws
        -> AWSSESProvider
    {
        var credentials = credentials(server, of: .email, from: from)
        if let secret { credentials["secretAccessKey"] = .string(secret) }
        return try #require(AWSSESProvider(Credentials(credentials), through: ProviderSamples.transports()))
    }

    @Test func aMailIsTakenAsItWasMeant() async throws {
        try await MotoServer.with { server in
            let provider = try mail(server)
            for email in [try ProviderSamples.email(), try ProviderSamples.emailWithFiles()] {
                let verdict = await provider.send(email, deadline: .after(.seconds(20)))
                #expect(verdict.outcome == .accepted, "\(verdict)")
                let kept = try await server.kept("ses", "Message").first { $0["id"]?.string == verdict.messageID }
                #expect(kept?["subject"]?.string == email.subject && kept?["body"]?.string == email.html)
                #expect(kept?["destinations"] == ["ToAddresses": ["asha@example.com"]])
                let sender = MailAddress.first(of: kept?["source"]?.string ?? "")
                #expect(sender?.address.address == "clinic@example.com" && sender?.name == "Klinik \"Süd\", Ost")
            }
        }
    }

    @Test func whatSESRefusesIsRead() async throws {
        try await MotoServer.with(allowing: ["ses:SendEmail"]) { server in
            let email = try ProviderSamples.email(full: false)
            func outcome(_ provider: AWSSESProvider) async -> AttemptOutcome {
                await provider.send(email, deadline: .after(.seconds(20))).outcome
            }
            #expect(await outcome(try mail(server)) == .accepted)
            #expect(await outcome(try mail(server, secret: "another-secret")) == .credentials)
            #expect(await outcome(try mail(server, from: "clinic@elsewhere.example")) == .senderNotAuthorised)
            #expect(try await server.kept("ses", "Message").count == 1)
        }
        try await MotoServer.with(allowing: ["sns:*"]) { server in
            let verdict = try await mail(server).send(try ProviderSamples.email(), deadline: .after(.seconds(20)))
            #expect(verdict.outcome == .credentials, "\(verdict)")
        }
    }

    // MARK: - SNS

    private func texts(_ server: MotoServer) throws -> AWSSNSTextProvider {
        let credentials = Credentials(credentials(server, of: .sms))
        return try #require(AWSSNSTextProvider(credentials, through: ProviderSamples.transports()))
    }

    @Test func aTextIsTakenAsItWasMeant() async throws {
        try await MotoServer.with { server in
            let provider = try texts(server)
            for (words, isSigned) in [("Bald.\n\"Süd\"&100%+\\~*😀", true), ("Bis bald. 100 % + x", false)] {
                try await server.checkSignatures(isSigned)
                let text = try ProviderSamples.text(words)
                let verdict = await provider.send(text, deadline: .after(.seconds(20)))
                #expect(verdict.outcome == .accepted, "\(verdict)")
                let kept = try await server.kept("sns", "SMS").first { $0["message_id"]?.string == verdict.messageID }
                #expect(kept?["message"]?.string == words && kept?["phone_number"]?.string == "+4915112345678")
            }
        }
    }

    @Test func whatATopicPublishesIsBelieved() async throws {
        try await MotoServer.with { server in
            let message = #"{"eventType":"Delivery","mail":{"messageId":"ü-1"}}"#
            let (body, pem) = try await server.notice(of: message)
            let envelope = try #require(SNSEnvelope(body))
            #expect(envelope.kind == .notification && envelope.message == message)
            #expect(SNSVerifier.certificateURL(of: envelope, ["https://\(envelope.topic.host)"]) != nil)
            let certificate = try #require(SNSCertificate(pem: pem))
            #expect(certificate.isTrusted(at: .now()))
            func isSigned(_ envelope: SNSEnvelope) -> Bool {
                envelope.signedTexts.contains {
                    certificate.isSigned($0, envelope.signature, version: envelope.version)
                }
            }
            #expect(isSigned(envelope))
            let forged = String(decoding: body, as: UTF8.self).replacing("Delivery", with: "Bounce")
            #expect(!isSigned(try #require(SNSEnvelope(Array(forged.utf8)))))
        }
    }

    @Test func aNoticeIsForOneDeviceAsLongAsItIsThere() async throws {
        try await MotoServer.with { server in
            let credentials = Credentials(credentials(server, of: .push))
            let provider = try #require(AWSSNSPushProvider(credentials, through: ProviderSamples.transports()))
            func send(to token: String) async -> ProviderVerdict {
                let notice = PushToSend(
                    id: MessageID(),
                    token: Secret(token),
                    title: "\"Süd\"",
                    text: "Bald!😀",
                    expiresAt: nil,
                    isUrgent: true
                )
                return await provider.send(notice, deadline: .after(.seconds(20)))
            }
            // The second time it is there already.
            let verdicts = [await send(to: Self.device), await send(to: Self.device)]
            #expect(verdicts.allSatisfy { $0.outcome == .accepted }, "\(verdicts)")
            let endpoints = try await server.kept("sns", "PlatformEndpoint")
            #expect(endpoints.map { $0["token"]?.string } == [Self.device])
            let endpoint = try #require(endpoints.first?["arn"]?.string)
            guard case .object(let messages)? = endpoints.first?["messages"] else { throw TestKitError("no messages") }
            #expect(Set(messages.keys) == Set(verdicts.compactMap(\.messageID)))
            let parts = try JSONTape(Array((messages.values.first?.string ?? "").utf8)).decode(JSONValue.self)
            #expect(parts["default"]?.string == "Bald!😀")
            let google = try JSONTape(Array((parts["GCM"]?.string ?? "").utf8)).decode(JSONValue.self)
            #expect(google["fcmV1Message"]?["message"]?["notification"]?["title"]?.string == "\"Süd\"")

            try await server.disable(endpoint)
            for token in [Self.device, endpoint] {
                let verdict = await send(to: token)
                #expect(verdict.outcome == .badRecipient && verdict.code == "EndpointDisabled", "\(verdict)")
            }
            #expect(await send(to: "\(endpoint)0").outcome == .badRecipient)
        }
    }

    @Test func anEndpointIsEnabledForAnAppThatIsThereAgain() async throws {
        func send(by server: MotoServer, to token: String, isFresh: Bool) async throws -> ProviderVerdict {
            let credentials = Credentials(credentials(server, of: .push))
            let provider = try #require(AWSSNSPushProvider(credentials, through: ProviderSamples.transports()))
            let notice = PushToSend(
                id: MessageID(),
                token: Secret(token),
                title: nil,
                text: "Bald!",
                expiresAt: nil,
                isUrgent: false,
                isFresh: isFresh
            )
            return await provider.send(notice, deadline: .after(.seconds(20)))
        }
        func endpoint(at server: MotoServer) async throws -> String {
            #expect(try await send(by: server, to: Self.device, isFresh: true).outcome == .accepted)
            return try #require(try await server.kept("sns", "PlatformEndpoint").first?["arn"]?.string)
        }
        try await MotoServer.with { server in
            let endpoint = try await endpoint(at: server)
            for token in [Self.device, endpoint] {
                try await server.disable(endpoint)
                #expect(try await send(by: server, to: token, isFresh: false).code == "EndpointDisabled")
                #expect(try await send(by: server, to: token, isFresh: true).outcome == .accepted)
                #expect(try await send(by: server, to: token, isFresh: false).outcome == .accepted)
            }
        }
        // Who may send and no more leaves it disabled, and is not blamed for it.
        try await MotoServer.with(allowing: ["sns:CreatePlatformEndpoint", "sns:Publish"]) { server in
            try await server.disable(try await endpoint(at: server))
            let verdict = try await send(by: server, to: Self.device, isFresh: true)
            #expect(verdict.outcome == .badRecipient && verdict.code == "EndpointDisabled", "\(verdict)")
        }
    }
}

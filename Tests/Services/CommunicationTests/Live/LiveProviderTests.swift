import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import Logging
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// The providers themselves, in their test modes, where the environment has credentials (`make test-live`).
///
/// `POLYCLINIC_LIVE_<CHANNEL>_<PROVIDER>` holds an entry's credentials as a configuration has them, in JSON;
/// `POLYCLINIC_LIVE_<CHANNEL>_<PROVIDER>_TO` an address that may get a message of the test's. By WhatsApp it is Meta's template
/// `hello_world`, which every account has.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LiveProviderTests {
    struct Place: Sendable, CustomTestStringConvertible {
        let channel: MessageChannel
        let provider: String
        var testDescription: String { "\(channel.rawValue) \(provider)" }
        var variable: String { "POLYCLINIC_LIVE_\(channel.rawValue)_\(provider)".uppercased() }
    }

    static let places = MessageChannel.allCases.flatMap { channel in
        MessageProviders.names(of: channel).map { Place(channel: channel, provider: $0) }
    }

    private static func variable(_ name: String) throws -> String {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else {
            // Nothing else tells of cases that were cancelled.
            print("skipped: \(name) is not set")
            try Test.cancel("\(name) is not set")
        }
        return text
    }

    private func entry(_ place: Place, _ change: (inout [String: JSONValue]) -> Void = { _ in }) throws -> ProviderEntry
    {
        let text = try Self.variable(place.variable)
        guard case .object(var credentials) = try JSONTape(Array(text.utf8)).decode(JSONValue.self) else {
            throw TestKitError("\(place.variable) is no JSON object")
        }
        let shape = try #require(CredentialShape.of(place.provider, channel: place.channel.rawValue))
        let faults = shape.faults(of: credentials, at: place.variable)
        try #require(faults.isEmpty, "\(faults)")
        change(&credentials)
        return ProviderEntry(
            id: ProviderEntryID(),
            channel: place.channel.rawValue,
            provider: place.provider,
            position: 0,
            credentials: Credentials(credentials),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "live",
            formerSecrets: []
        )
    }

    private func provider(_ entry: ProviderEntry) throws -> (any MessageProvider)? {
        let policy = try OutboundPolicy(allow: "public")
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let transports = MessageProviders(
            http: OutboundHTTP(policy: policy, logger: log),
            smtp: SMTPTransport(policy: policy)
        )
        return transports.provider(for: entry)
    }

    @Test(arguments: places) func itLetsUsIn(_ place: Place) async throws {
        let entry = try entry(place)
        let fault = MessageProviders.fault(entry, policy: try OutboundPolicy(allow: "public"))
        #expect(fault == nil, "\(String(describing: fault))")
        let verdict = try await #require(provider(entry)).check(deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .accepted, "\(verdict)")
    }

    @Test(arguments: places) func itKeepsOthersOut(_ place: Place) async throws {
        let secret = try #require(
            CredentialShape.of(place.provider, channel: place.channel.rawValue)?.keys.first { $0.isSecret }
        )
        guard secret.form != .document else { try Test.cancel("another key cannot be made up") }
        let entry = try entry(place) { credentials in
            credentials[secret.name] = credentials[secret.name]?.string.map { .string(String($0.reversed())) }
        }
        let verdict = try await #require(provider(entry)).check(deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .credentials, "\(verdict)")
    }

    @Test(arguments: places) func itTakesAMessage(_ place: Place) async throws {
        let entry = try entry(place)
        let to = try Self.variable("\(place.variable)_TO")
        let message = try #require(Self.message(to, place), "\(place.variable)_TO is no address")
        let verdict = try await #require(provider(entry)).send(message, deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .accepted, "\(verdict)")
        #expect(verdict.messageID != nil || place.provider == "smtp")
    }

    private static func message(_ to: String, _ place: Place) -> OutgoingMessage? {
        let (id, text) = (MessageID(), "A test of Polyclinic's; nothing is to be done.")
        switch place.channel {
        case .email:
            return EmailAddress(to).map { to in
                .email(
                    EmailToSend(
                        id: id,
                        to: to,
                        replyTo: nil,
                        subject: "Polyclinic's test",
                        text: text,
                        html: nil,
                        attachments: [],
                        date: .now(),
                        key: id.description
                    )
                )
            }
        case .sms, .whatsapp:
            return PhoneNumber(to).map { to in
                .text(
                    TextToSend(
                        id: id,
                        to: .phone(to),
                        text: text,
                        approved: ApprovedTemplate(name: "hello_world", language: "en_US", parameters: []),
                        windows: .none,
                        expiresAt: nil,
                        category: .care,
                        statusURL: nil
                    )
                )
            }
        case .push:
            return .push(
                PushToSend(id: id, token: Secret(to), title: "Polyclinic", text: text, expiresAt: nil, isUrgent: false)
            )
        }
    }
}

import CommunicationAPI
import Contracts
import Core
import Logging
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What holds of every provider, whoever plays it: the sandbox with every run of the tests, the provider itself in its test mode
/// with `make test-live`.
struct ProviderContract: Sendable {
    struct Place: Sendable, CustomTestStringConvertible {
        let channel: MessageChannel
        let provider: String
        var testDescription: String { "\(channel.rawValue) \(provider)" }

        var shape: CredentialShape? { MessageProviders.builtIn.shapes.shape(of: provider, channel: channel.rawValue) }
        /// The secret that lets us in.
        var secret: CredentialShape.Key? { shape?.keys.first { $0.isSecret } }
        /// Whether a wrong secret can be made up; not where it is a key that signs.
        var canBeRefused: Bool { secret?.form != .document }
    }

    /// Whatever can be configured.
    static let places = MessageChannel.allCases.flatMap { channel in
        MessageProviders.builtIn.types.filter { $0.channel == channel }.map {
            Place(channel: channel, provider: $0.name)
        }
    }

    let place: Place
    /// As a configuration has them.
    let credentials: [String: JSONValue]
    /// Whom the operator would allow us to reach.
    let allowed: String
    /// The certificates that a mail server's is held against, where those are not the system's.
    var trustRoots: String?

    private func provider(_ credentials: [String: JSONValue]) throws -> any MessageProvider {
        let shape = try #require(place.shape, "there is no shape of \(place.testDescription)")
        let faults = shape.faults(of: credentials, at: place.testDescription)
        try #require(faults.isEmpty, "\(faults)")
        let policy = try OutboundPolicy(allow: allowed)
        let entry = ProviderEntry(
            id: ProviderEntryID(),
            channel: place.channel.rawValue,
            provider: place.provider,
            position: 0,
            credentials: Credentials(credentials),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "contract",
            formerSecrets: []
        )
        let wrong = MessageProviders.builtIn.faults(entry, policy: policy)
        try #require(wrong.isEmpty, "\(wrong)")
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let transports = ProviderTransports(policy: policy, log: log, trustRoots: trustRoots)
        return try #require(MessageProviders.builtIn.provider(for: entry, through: transports))
    }

    /// It is there, takes the credentials, and nothing is sent to find that out.
    func letsUsIn() async throws {
        let verdict = try await provider(credentials).check(deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .accepted, "\(verdict)")
    }

    /// With another secret it says that this is what is wrong.
    func keepsOthersOut() async throws {
        let secret = try #require(place.secret)
        var wrong = credentials
        wrong[secret.name] = wrong[secret.name]?.string.map { .string("wrong-" + String($0.reversed())) }
        let verdict = try await provider(wrong).check(deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .credentials, "\(verdict)")
    }

    /// It takes a message, and names it.
    func takesAMessage(to address: String) async throws {
        let message = try #require(outgoing(to: address), "\(address) is no address for \(place.testDescription)")
        let verdict = try await provider(credentials).send(message, deadline: .after(.seconds(30)))
        #expect(verdict.outcome == .accepted && verdict.messageID != nil, "\(verdict)")
    }

    private func outgoing(to address: String) -> OutgoingMessage? {
        let (id, text) = (MessageID(), "A test of Polyclinic's; nothing is to be done.")
        switch place.channel {
        case .email:
            return EmailAddress(address).map { to in
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
            return PhoneNumber(address).map { to in
                .text(
                    TextToSend(
                        id: id,
                        to: .phone(to),
                        text: text,
                        approved: approved,
                        windows: windows,
                        expiresAt: nil,
                        category: .care,
                        statusURL: nil
                    )
                )
            }
        case .push:
            return .push(
                PushToSend(
                    id: id,
                    token: Secret(address),
                    title: "Polyclinic",
                    text: text,
                    expiresAt: nil,
                    isUrgent: false
                )
            )
        }
    }

    /// The template that every account of Meta's has; Twilio's contents are each account's own.
    private var approved: ApprovedTemplate? {
        place.provider == MetaWhatsAppProvider.name
            ? ApprovedTemplate(name: "hello_world", language: "en_US", parameters: []) : nil
    }

    /// To Twilio's number the recipient has to have written before.
    private var windows: ConversationWindows {
        guard let number = credentials["whatsappNumber"]?.string else { return .none }
        return ConversationWindows(lastInbound: ["twilio:\(number)": .now()])
    }
}

/// The contract, with the sandbox in the providers' place.
@Suite(.timeLimit(.minutes(2))) struct ProviderContractTests {
    typealias Place = ProviderContract.Place

    static let places = ProviderContract.places

    private func contract(_ place: Place, _ sandbox: SandboxPlace) async throws -> ProviderContract {
        let url = sandbox.url(place.provider)
        let draft: ProviderDraft =
            switch (place.channel, place.provider) {
            case (.email, "zeptomail"): .zeptomail(url)
            case (.email, "smtp"): .smtp(port: sandbox.smtpPort, password: "password-0001")
            case (.email, _): try .named(place.provider, at: url)
            case (.sms, _): .texts(place.provider, at: url)
            case (.whatsapp, "meta"): .meta(url)
            case (.whatsapp, _): .whatsApp(at: url)
            case (.push, "fcm"): .fcm(url, account: try await sandbox.call("/fcm/service-account"))
            case (.push, _): .pushes(at: url)
            }
        return ProviderContract(place: place, credentials: draft.credentials, allowed: "loopback")
    }

    @Test(arguments: places) func itLetsUsIn(_ place: Place) async throws {
        try await SandboxPlace.with { sandbox in
            try await contract(place, sandbox).letsUsIn()
            #expect(try await sandbox.call("/messages")["items"] == .array([]))
        }
    }

    @Test(arguments: places.filter(\.canBeRefused)) func itKeepsOthersOut(_ place: Place) async throws {
        try await SandboxPlace.with { sandbox in try await contract(place, sandbox).keepsOthersOut() }
    }

    @Test(arguments: places) func itTakesAMessage(_ place: Place) async throws {
        let address =
            switch place.channel {
            case .email: "contract@example.com"
            case .sms, .whatsapp: "+4915112345678"
            case .push: "fGTokenOfAnInstalledApp:APA91b"
            }
        try await SandboxPlace.with { sandbox in
            try await contract(place, sandbox).takesAMessage(to: address)
            guard case .array(let taken)? = try await sandbox.call("/messages")["items"] else {
                throw TestKitError("no messages")
            }
            #expect(taken.map { $0["provider"]?.string } == [place.provider])
        }
    }
}

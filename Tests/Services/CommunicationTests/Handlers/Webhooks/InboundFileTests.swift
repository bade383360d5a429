import CommunicationAPI
import Contracts
import Core
import Logging
import Outbound
import Postgres
import ProviderConfig
import Sandbox
import Synchronization
import TestKit
import Testing

@testable import Communication

/// Pictures and files that patients send: fetched from the provider, kept sealed, shown to those who may read.
@Suite(.timeLimit(.minutes(3))) struct InboundFileTests {
    private static let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47] + Array(repeating: 7, count: 600_000)
    private static let reader = Principal(kind: .user, id: "\(UserID())", roles: ["PHARMACIST"])

    private func hold(
        _ bytes: [UInt8],
        _ type: String,
        as id: String,
        at provider: String,
        _ sandbox: SandboxPlace
    ) async throws {
        let http = OutboundHTTP(
            policy: try OutboundPolicy(allow: "loopback"),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let response = try await http.send(
            method: "PUT",
            url: "\(sandbox.url(provider))/held/\(id)",
            headers: [("Content-Type", type)],
            body: bytes,
            deadline: .after(.seconds(10))
        )
        try #require(response.status == 204)
    }

    /// A text with these pictures, taken in as the webhook would, and the message that came of it.
    private func take(
        _ media: [InboundText.Media],
        by entry: ProviderEntry,
        _ clinic: TestClinic
    ) async throws -> (Conversation, InboundMessage) {
        let intake = InboundIntake(
            store: InboundStore(dataKeys: clinic.desk.dataKeys),
            suppressions: SuppressionStore(dataKeys: clinic.desk.dataKeys),
            addresses: AddressIndex(blindIndex: clinic.desk.blindIndex)
        )
        let channel = try #require(MessageChannel(rawValue: entry.channel))
        let text = InboundText(
            channel: channel,
            to: "+15005550006",
            from: try #require(PhoneNumber("+4915112345678")),
            text: "See this",
            media: media,
            providerMessageID: "\(RequestID())"
        )
        let id = clinic.clinic
        try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "provider:test")) { tx in
            try intake.take([text], through: entry, clinic: id, at: .now(), in: tx)
        }
        return try await eventually("the files to be settled", within: .seconds(40)) {
            let found = try await clinic.ask(MessageDesk.endpoints.conversations.list, .init()).output?.items
            let conversation = try #require(found?.first)
            let said = try await clinic.ask(MessageDesk.endpoints.conversations.messages, .init(id: conversation.id))
            let message = try #require(said.output?.items.first)
            return message.files.contains { $0.status == .pending } ? nil : (conversation, message)
        }
    }

    private func entry(_ clinic: TestClinic, _ channel: String) async throws -> ProviderEntry {
        let entries = try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: channel).entries
        return try #require(entries.first)
    }

    private func content(
        _ conversation: Conversation,
        _ message: InboundMessage,
        _ place: Int,
        of clinic: TestClinic,
        as principal: Principal = TestClinic.admin
    ) async throws -> (status: Int, text: String) {
        let path = ConversationFilePath(id: conversation.id, messageId: message.id, place: place)
        return try await clinic.text(MessageDesk.endpoints.conversations.file, path, as: principal)
    }

    @Test func twiliosFilesAreFetchedFromWhereTheyLie() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            let base = sandbox.url("twilio")
            try await clinic.configure(sms: [.twilio(base)])
            try await hold(Self.png, "image/png", as: "ME1", at: "twilio", sandbox)
            try await hold(Array("MZ".utf8), "application/x-msdownload", as: "ME2", at: "twilio", sandbox)
            try await hold(Array("not one".utf8), "image/png", as: "ME3", at: "twilio", sandbox)
            try await hold(
                Array(repeating: 0x25, count: InboundFileRules.largest + 1),
                "text/plain",
                as: "ME4",
                at: "twilio",
                sandbox
            )
            let root = "\(base)/2010-04-01/Accounts/\(Self.account)/Messages/MM1/Media"
            let media: [InboundText.Media] = [
                .init(url: "\(root)/ME1", type: "image/png"), .init(url: "\(root)/ME2", type: "image/png"),
                .init(url: "\(root)/ME3", type: "image/png"), .init(url: "\(root)/ME4", type: "text/plain"),
                .init(url: "\(root)/ME9", type: "image/png"),
                // Nobody but Twilio is asked, and never with the clinic's credentials.
                .init(url: "http://169.254.169.254/latest/meta-data", type: "image/png"),
                .init(url: "http://127.0.0.1:9/2010-04-01/x", type: "image/png"),
                .init(url: "file:///etc/passwd", type: "text/plain"),
            ]
            let (conversation, message) = try await take(media, by: try await entry(clinic, "sms"), clinic)
            let refused = Array(repeating: ConversationFileStatus.refused, count: 7)
            #expect(message.files.map(\.status) == [ConversationFileStatus.kept] + refused)
            #expect(message.files[0].size == Self.png.count && message.files[0].contentType == "image/png")
            let shown = try await content(conversation, message, 0, of: clinic)
            #expect(shown.status == 200)
            #expect(try await content(conversation, message, 1, of: clinic).status == 409)
            #expect(try await content(conversation, message, 9, of: clinic).status == 404)
            #expect(try await content(conversation, message, 0, of: clinic, as: Self.reader).status == 403)
            #expect(try await content(conversation, message, 0, of: other).status == 404)
            let id = clinic.clinic
            let sealed: [UInt8] = try await clinic.desk.database.inspect(
                "select sealed from inbound_file_pieces where clinic_id = \(id)"
            ) { try $0[0][0] }
            #expect(!sealed.contains([UInt8](repeating: 7, count: 16)))
            let sealer = try await clinic.desk.dataKeys.sealer(for: id)
            let kept = try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
                try (0..<(Self.png.count + InboundFileStore.pieceBytes - 1) / InboundFileStore.pieceBytes).flatMap {
                    number in
                    let (id, talk) = (message.id, conversation.id)
                    return try InboundFileStore.page(number, of: id, 0, in: talk, with: sealer, in: tx)?.bytes ?? []
                }
            }
            #expect(kept == Self.png)
        }
    }

    @Test func metasFilesAreAskedForByTheirIDs() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    whatsapp: ChannelDraft(primary: .meta(sandbox.url("meta")))
                )
            )
            try await hold(
                Array("OggS voice".utf8),
                "audio/ogg; codecs=opus",
                as: "2754859441498128",
                at: "meta",
                sandbox
            )
            let media: [InboundText.Media] = [
                .init(id: "2754859441498128", type: "audio/ogg"), .init(id: "gone", type: "image/png"),
                .init(id: "../../me", type: "image/png"),
            ]
            let (_, message) = try await take(media, by: try await entry(clinic, "whatsapp"), clinic)
            #expect(message.files.map(\.status) == [.kept, .refused, .refused])
            #expect(message.files[0].contentType == "audio/ogg" && message.files[0].size == 10)
        }
    }

    /// What Meta is asked for may be refused for a while under the same status as what is gone.
    @Test(
        arguments: [
            (400, 100, true), (400, 33, true), (404, 100, true), (400, 4, false), (400, 190, false), (403, 10, false),
            (400, 131_000, false), (500, 1, false), (400, nil, false), (404, nil, false),
        ] as [(Int, Int?, Bool)]
    ) func whatMayStillBeThereIsAskedForAgain(status: Int, code: Int?, isGone: Bool) {
        let body = code.map { #"{"error":{"message":"m","type":"OAuthException","code":\#($0)}}"# } ?? "<html>"
        #expect(MetaMedia.isGone(RecordedAnswer(status, [], body).response) == isGone)
    }

    /// What leads elsewhere is followed without the clinic's credentials, and never to where nobody may connect.
    @Test func whereAFileLeadsIsHeldAgainstThePolicy() async throws {
        try await SandboxPlace.with { sandbox in
            let http = OutboundHTTP(
                policy: try OutboundPolicy(allow: "loopback"),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let download = MediaDownload(http: http)
            func get(_ url: String, at origins: Set<String>) async -> FetchedFile {
                await download.get(
                    url,
                    authorization: "Basic eDp5",
                    at: origins,
                    type: "image/png",
                    deadline: .after(.seconds(10))
                )
            }
            let origin = try #require(MediaDownload.origin(of: sandbox.url("twilio")))
            #expect(await get("\(origin)/x", at: ["https://api.twilio.com"]) == .refused("foreign_address"))
            #expect(await get("\(origin)@evil.example/x", at: [origin]) == .refused("foreign_address"))
            #expect(await get("http://10.0.0.1/x", at: ["http://10.0.0.1"]) == .refused("address_not_allowed"))
            #expect(await get("http://\(SandboxPlace.nobody):9/x", at: [origin]) == .refused("foreign_address"))
            #expect(await get("\(origin)/twilio/lying/none", at: [origin]) == .refused("provider_refused"))
        }
    }

    /// A name is looked up at each step: one that turns inwards after the first is not followed.
    @Test func aNameThatTurnsInwardsIsNotFollowed() async throws {
        try await SandboxPlace.with { sandbox in
            try await hold(Self.png, "image/png", as: "ME1", at: "twilio", sandbox)
            let origin = "http://files.example.test:\(sandbox.ports.http)"
            func get(_ answers: [String]) async throws -> FetchedFile {
                let addresses = try answers.map { try #require(IPAddress($0)) }
                let asked = Mutex(0)
                let policy = try OutboundPolicy(allow: "127.0.0.0/8") { _ in
                    asked.withLock { asked in
                        defer { asked += 1 }
                        return [addresses[min(asked, addresses.count - 1)]]
                    }
                }
                let http = OutboundHTTP(
                    policy: policy,
                    logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                    places: ["files.example.test": "127.0.0.1"]
                )
                return await MediaDownload(http: http).get(
                    "\(origin)/twilio/2010-04-01/Accounts/\(Self.account)/Messages/MM1/Media/ME1",
                    authorization: "Basic \(Base64.encode(Array("\(Self.account):auth-token-0001".utf8)))",
                    at: [origin],
                    type: "image/png",
                    deadline: .after(.seconds(10))
                )
            }
            #expect(try await get(["127.0.0.1"]) == .kept(bytes: Self.png, type: "image/png"))
            #expect(try await get(["127.0.0.1", "169.254.169.254"]) == .refused("address_not_allowed"))
            #expect(try await get(["127.0.0.1", "::1"]) == .refused("address_not_allowed"))
        }
    }
}

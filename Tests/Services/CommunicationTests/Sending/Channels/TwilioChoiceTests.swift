import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What Twilio offers to press by WhatsApp: contents that an account has once, with all that a message says in their places.
@Suite(.timeLimit(.minutes(3))) struct TwilioChoiceTests {
    private static let number = "+14155238886"
    private static let buttons = InteractiveContent(
        type: .buttons,
        buttons: [.init(id: "CONFIRM", title: "Confirm"), .init(id: "CANCEL", title: "Cancel")]
    )
    private static let list = InteractiveContent(
        type: .list,
        button: "Choose",
        sections: [
            .init(title: "Mon", rows: [.init(id: "a", title: "9:00", description: "Dr. Rao")]),
            .init(title: "Tue", rows: [.init(id: "b", title: "10:00")]),
        ],
        footer: "Lindenhof"
    )

    private func phone(_ clinic: TestClinic) throws -> PhoneNumber {
        try #require(PhoneNumber("+9195\(10_000_000 + clinic.clinic.low % 90_000_000)"))
    }

    /// A clinic that a patient has just written to.
    private func clinic(_ sandbox: SandboxPlace, account: String? = nil) async throws -> TestClinic {
        let clinic = try TestClinic()
        // No two clinics of the tests have one account, nor the same contents.
        let sid = account ?? "AC" + "\(clinic.clinic)".filter { $0 != "-" }.dropLast() + "1"
        let credentials: [String: JSONValue] = [
            "accountSid": .string(sid), "authToken": "twilio-sandbox-token", "whatsappNumber": .string(Self.number),
            "endpoint": .string(sandbox.url("twilio")),
        ]
        let twilio = ProviderDraft(provider: "twilio", credentials: credentials)
        try await clinic.configure(
            ConfigurationDraft(clinicId: clinic.clinic, whatsapp: ChannelDraft(primary: twilio))
        )
        let index = AddressIndex(blindIndex: clinic.desk.blindIndex)
        let token = index.token(ChannelAddress(try phone(clinic), on: .whatsapp), clinic.clinic)
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            ConversationWindowStore.note("twilio:\(Self.number)", token, at: .now(), in: tx)
        }
        return clinic
    }

    /// Sends it; gives what arrived.
    private func send(
        _ content: InteractiveContent,
        _ text: String,
        _ clinic: TestClinic,
        _ sandbox: SandboxPlace
    ) async throws -> JSONValue {
        let draft = MessageDraft(
            to: RecipientDraft(phone: try phone(clinic)),
            channels: [.whatsapp],
            content: MessageContent(text: text, interactive: content)
        )
        let message = try await clinic.settled(try await clinic.send(draft), [.sent, .delivered, .failed, .unknown])
        #expect(message.attempts.map(\.outcome) == [.accepted], "\(message.attempts)")
        let id = try #require(message.attempts.first?.providerMessageId)
        let all = try await sandbox.received(for: phone(clinic).number).map(\.message)
        return try #require(all.first { $0["id"]?.string == id })
    }

    private func offer(_ received: JSONValue) throws -> JSONValue {
        let text = try #require(received["headers"]?["interactive"]?.string, "\(received)")
        return try JSONTape(Array(text.utf8)).decode(JSONValue.self)
    }

    @Test func oneContentServesAllMessagesOfItsShape() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let first = try await send(Self.buttons, "Tomorrow at nine?", clinic, sandbox)
            #expect(first["text"]?.string == "Tomorrow at nine?")
            let pressed: JSONValue = [
                "twilio/quick-reply": [
                    "body": "Tomorrow at nine?",
                    "actions": [
                        ["type": "QUICK_REPLY", "title": "Confirm", "id": "CONFIRM"],
                        ["type": "QUICK_REPLY", "title": "Cancel", "id": "CANCEL"],
                    ],
                ]
            ]
            #expect(try offer(first) == pressed)
            var others = Self.buttons
            others.buttons = [.init(id: "y", title: "Ja \"gern\""), .init(id: "n", title: "Nein 😀")]
            let second = try await send(others, "Line one\nLine two", clinic, sandbox)
            #expect(second["headers"]?["ContentSid"] == first["headers"]?["ContentSid"])
            let third = try await send(Self.list, "When?", clinic, sandbox)
            let chosen = try offer(third)["twilio/list-picker"]
            #expect(chosen?["body"]?.string == "When?\n\nLindenhof" && chosen?["button"]?.string == "Choose")
            let items: JSONValue = [
                ["item": "9:00", "id": "a", "description": "Mon · Dr. Rao"],
                ["item": "10:00", "id": "b", "description": "Tue"],
            ]
            #expect(chosen?["items"] == items)
        }
    }

    @Test func manyAtOnceMakeOneContent() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try await clinic(sandbox)
            let contents = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await send(Self.buttons, "Message \(number)", clinic, sandbox)["headers"]?["ContentSid"]?
                            .string
                    }
                }
                return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
            }
            #expect(contents.count == 1 && contents.first != .some(nil))
            // Another process finds it by its name.
            let entry = try await clinic.desk.sending.resolver.resolve(clinic.clinic, channel: "whatsapp").entries.first
            let transports = try ProviderSamples.transports()
            let credentials = try #require(entry?.credentials)
            let twilio = try #require(TwilioWhatsAppProvider(credentials, through: transports))
            let choices = try #require(TwilioChoices(Self.buttons, text: "x"))
            let found = await transports.shared(TwilioContents()).sid(of: choices.shape, in: twilio.messages)
            #expect(contents == [found])
        }
    }

    @Test func whereNothingCanBePressedTheTextGoes() async throws {
        try await SandboxPlace.with { sandbox in
            // The account may make no contents.
            let without = try await clinic(sandbox, account: "AC" + String(repeating: "9", count: 32))
            let plain = try await send(Self.buttons, "Tomorrow at nine?", without, sandbox)
            #expect(plain["text"]?.string == "Tomorrow at nine?" && plain["headers"]?["ContentSid"] == nil)
            // Somebody has removed the content at the console.
            let clinic = try await clinic(sandbox)
            let first = try await send(Self.buttons, "One", clinic, sandbox)
            let sid = try #require(first["headers"]?["ContentSid"]?.string)
            try await sandbox.call("/twilio/contents/\(sid)", method: "DELETE")
            let second = try await send(Self.buttons, "Two", clinic, sandbox)
            #expect(second["text"]?.string == "Two" && second["headers"]?["ContentSid"] == nil)
        }
    }

    @Test func everyPlaceHasItsValue() throws {
        var withFooter = Self.buttons
        withFooter.footer = "Lindenhof"
        for (content, name, count) in [
            (Self.buttons, "polyclinic_a_buttons_2", 5), (withFooter, "polyclinic_a_buttons_2_footer", 6),
            (Self.list, "polyclinic_a_list_2_footer", 9),
        ] {
            let choices = try #require(TwilioChoices(content, text: "Text"))
            #expect(choices.shape.name == name && choices.values.count == count)
            #expect(choices.values.allSatisfy { !$0.isEmpty })
            let json = String(decoding: try JSONWriter.encode(choices.shape.content), as: UTF8.self)
            for place in 1...count { #expect(json.contains("{{\(place)}}"), "\(place)") }
            #expect(!json.contains("{{\(count + 1)}}") && !json.contains("Text") && !json.contains("CONFIRM"))
        }
        // What leaves no room for the footer goes without it.
        let long = try #require(TwilioChoices(withFooter, text: String(repeating: "a", count: 1_020)))
        #expect(long.shape == .buttons(2, hasFooter: false))
        #expect(TwilioChoices(InteractiveContent(type: .list), text: "x") == nil)
    }
}

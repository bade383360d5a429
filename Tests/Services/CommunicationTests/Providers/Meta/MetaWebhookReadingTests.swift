import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication
@testable import Sandbox

@Suite struct MetaWebhookReadingTests {
    private static let secret = "polyclinic-app-secret"
    /// Escapes stand in it as they came: two characters that another writer would make one of.
    private static let body = Array(
        #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[]}],"n":"\u00e9\ud83d\ude00"}"#.utf8
    )
    private static let code = "d38674ccaafccaf26f7c8474de1e2e9bb10e086ef1fa2be5954a22d6e8103f8c"

    @Test(arguments: [
        (header: "sha256=\(code)" as String?, isSigned: true), ("sha256=\(code.uppercased())", true),
        ("sha1=\(code)", false), (code, false), ("sha256=", false), ("sha256=\(code)00", false), ("", false),
        (nil, false),
        ("sha256=6ee966abb737d7adfa18ac1196c375c64b13a42e170bfe296de53958fa3d8913", false),
    ]) func theSignatureIsThatOfTheRawBody(header: String?, isSigned: Bool) {
        let secrets = [Secret("another-secret"), Secret(Self.secret)]
        #expect(MetaWebhooks.isSigned(Self.body, header, secrets: secrets) == isSigned)
        #expect(!MetaWebhooks.isSigned(Self.body + [0x20], header, secrets: secrets))
        #expect(!MetaWebhooks.isSigned(Self.body, header, secrets: [Secret("another-secret")]))
        #expect(!MetaWebhooks.isSigned(Self.body, header, secrets: []))
    }

    @Test func whoReadsAndWritesItAnewHasOtherBytes() throws {
        let again = try JSONWriter.encode(try JSONTape(Self.body).decode(JSONValue.self))
        #expect(!MetaWebhooks.isSigned(again, "sha256=\(Self.code)", secrets: [Secret(Self.secret)]))
        // The sandbox signs what it sends, escaped as Meta escapes.
        #expect(Meta.sign(Self.secret, Self.body, .now()).map(\.1) == ["sha256=\(Self.code)"])
        let escaped = Meta.escaped(Array(#"{"n":"é😀"}"#.utf8))
        #expect(String(decoding: escaped, as: UTF8.self) == #"{"n":"\u00e9\ud83d\ude00"}"#)
    }

    private static let place = MetaWebhooks.Place(phoneNumberID: "106", businessAccountID: nil)

    private func notice(
        _ values: [JSONValue],
        number: String = "106",
        account: String = "102",
        field: String = "messages"
    ) -> JSONValue {
        let changes = values.map { value -> JSONValue in
            guard case .object(var members) = value else { return value }
            members["messaging_product"] = "whatsapp"
            members["metadata"] = ["display_phone_number": "15550783881", "phone_number_id": .string(number)]
            return ["field": .string(field), "value": .object(members)]
        }
        return [
            "object": "whatsapp_business_account",
            "entry": [["id": .string(account), "changes": .array(changes)]],
        ]
    }

    @Test(arguments: ["sent", "delivered", "read", "failed", "played", "warped"])
    func whatBecameOfAMessage(name: String) throws {
        let id = MessageID()
        let webhook = notice([
            [
                "statuses": [
                    [
                        "id": "wamid.A", "status": .string(name), "timestamp": "1749854575",
                        "recipient_id": "919876543210",
                        "biz_opaque_callback_data": .string("\(id)"), "errors": [["code": 131_047, "title": "t"]],
                    ]
                ]
            ]
        ])
        let news = try MetaWebhooks.news(webhook, of: Self.place)
        #expect(
            news.statuses == [
                .init(
                    id: "wamid.A:\(name)",
                    message: id,
                    providerMessageID: "wamid.A",
                    name: name,
                    code: name == "failed" ? 131_047 : nil
                )
            ]
        )
        #expect(news.heard.isEmpty)
        let events: [String: DeliveryEvent] = [
            "sent": .sent, "delivered": .delivered, "read": .opened, "played": .opened, "failed": .outsideWindow,
        ]
        #expect(news.statuses.first?.report?.event == events[name])
        #expect(news.statuses.first?.report?.code == (name == "failed" ? "131047" : nil))
    }

    @Test(
        arguments: [
            (131_026, .hardBounce), (131_047, .outsideWindow), (131_056, .pairLimited), (131_049, .rejected),
            (131_050, .marketingStopped),
            (131_048, .rejected), (130_429, .softBounce), (131_000, .softBounce), (nil, .softBounce),
            (999_999, .softBounce),
        ] as [(Int?, DeliveryEvent)]
    )
    func whyItFailedDecidesAboutTheNumber(code: Int?, event: DeliveryEvent) {
        #expect(MetaReply.event(code) == event)
        #expect((event.suppression(on: .whatsapp) != nil) == (code == 131_026 || code == 131_050))
    }

    /// What is the account's to mend, and not the message's.
    @Test(
        arguments: [
            (131_031, .credentials), (368, .credentials), (190, .credentials), (200, .credentials), (131_042, .quota),
            (131_048, .quota), (131_064, .quota), (131_045, .senderNotAuthorised), (131_037, .senderNotAuthorised),
            (130_497, .senderNotAuthorised), (131_026, nil), (131_047, nil), (131_049, nil), (131_050, nil),
            (131_056, nil), (130_429, nil), (132_001, nil), (999_999, nil), (nil, nil),
        ] as [(Int?, AccountFault?)]
    )
    func whatIsWrongWithTheAccount(code: Int?, fault: AccountFault?) {
        func report(_ name: String) -> DeliveryReport? {
            MetaWebhooks.Status(
                id: "wamid.A:\(name)",
                message: nil,
                providerMessageID: "wamid.A",
                name: name,
                code: code
            ).report
        }
        #expect(report("failed")?.fault == fault)
        #expect(fault == nil || report("failed")?.event == .rejected)
        #expect(report("delivered")?.event == .delivered && report("delivered")?.fault == nil)
    }

    @Test func manyInOneOfSeveralClinics() throws {
        func status(_ id: String) -> JSONValue { ["statuses": [["id": .string(id), "status": "sent"]]] }
        let own = notice([status("wamid.1"), status("wamid.2")])
        let other = notice([status("wamid.3")], number: "107")
        let account = notice([status("wamid.4")], account: "103")
        let entries = [own, other, account].flatMap { value -> [JSONValue] in
            if case .array(let entries) = value["entry"] { entries } else { [] }
        }
        let webhook: JSONValue = ["object": "whatsapp_business_account", "entry": .array(entries)]
        func ids(_ place: MetaWebhooks.Place) throws -> [String] {
            try MetaWebhooks.news(webhook, of: place).statuses.map(\.providerMessageID)
        }
        #expect(try ids(Self.place) == ["wamid.1", "wamid.2", "wamid.4"])
        #expect(try ids(.init(phoneNumberID: "106", businessAccountID: "102")) == ["wamid.1", "wamid.2"])
        #expect(try ids(.init(phoneNumberID: "107", businessAccountID: nil)) == ["wamid.3"])
        #expect(try ids(.init(phoneNumberID: "108", businessAccountID: nil)) == [])
    }

    /// As Meta's reference shows it.
    @Test func whoStopsOffersAndWantsThemAgain() throws {
        func optOuts(_ changed: [String: JSONValue], _ field: String = "user_preferences") throws -> [CategoryOptOut] {
            let preference: [String: JSONValue] = [
                "wa_id": "16505551234", "detail": "User requested to stop marketing messages",
                "category": "marketing_messages", "value": "stop", "timestamp": 1_731_705_721,
            ]
            let value: JSONValue = [
                "contacts": [["profile": ["name": "Pablo"], "wa_id": "16505551234"]],
                "user_preferences": [.object(preference.merging(changed) { $1 })],
            ]
            return try MetaWebhooks.news(notice([value], field: field), of: Self.place).optOuts
        }
        let number = ChannelAddress(try #require(PhoneNumber("+16505551234")), on: .whatsapp)
        let user = ChannelAddress(try #require(WhatsAppUserID("US.1234")))
        let stop = CategoryOptOut(
            who: [number],
            category: .marketing,
            isWanted: false,
            at: Instant(seconds: 1_731_705_721)
        )
        var resume = stop
        resume.isWanted = true
        var both = stop
        both.who = [number, user]
        var hidden = stop
        hidden.who = [user]
        #expect(try optOuts([:]) == [stop] && optOuts(["timestamp": "1731705721"]) == [stop])
        #expect(try optOuts(["value": "resume"]) == [resume])
        #expect(try optOuts(["user_id": "US.1234"]) == [both])
        #expect(try optOuts(["user_id": "US.1234", "wa_id": .null]) == [hidden])
        for changed in [
            ["wa_id": "../me"], ["category": "news"], ["value": "pause"], ["value": 1], ["timestamp": "soon"],
            ["timestamp": 0], ["timestamp": 999_999_999_999],
        ] as [[String: JSONValue]] {
            #expect(try optOuts(changed).isEmpty, "\(changed)")
        }
        #expect(try optOuts([:], "messages").isEmpty)
    }

    struct Saying: Sendable {
        let message: JSONValue
        let text: String?
        var payload: String?
    }

    @Test(arguments: [
        Saying(message: ["type": "text", "text": ["body": "CONFIRM 😀"]], text: "CONFIRM 😀"),
        Saying(
            message: ["type": "button", "button": ["payload": "confirm:1", "text": "Confirm"]],
            text: "Confirm",
            payload: "confirm:1"
        ),
        Saying(
            message: [
                "type": "interactive",
                "interactive": ["type": "button_reply", "button_reply": ["id": "yes", "title": "Yes"]],
            ],
            text: "Yes",
            payload: "yes"
        ),
        Saying(
            message: [
                "type": "interactive",
                "interactive": ["type": "list_reply", "list_reply": ["id": "r1", "title": "Row", "description": "d"]],
            ],
            text: "Row",
            payload: "r1"
        ),
        Saying(
            message: ["type": "button", "button": ["payload": "CANCEL", "text": "வேண்டாம்"]],
            text: "வேண்டாம்",
            payload: "CANCEL"
        ),
        Saying(message: ["type": "image", "image": ["id": "m1", "caption": "My referral"]], text: "My referral"),
        Saying(message: ["type": "audio", "audio": ["id": "m1"]], text: nil),
        Saying(message: ["type": "reaction", "reaction": ["message_id": "wamid.B", "emoji": "👍"]], text: "👍"),
        Saying(message: ["type": "unsupported", "errors": [["code": 131_051]]], text: nil),
    ]) func whatSomebodyWrote(_ saying: Saying) throws {
        guard case .object(var message) = saying.message else { return }
        var head: [String: JSONValue] = ["from": "919876543210", "id": "wamid.X", "timestamp": "1749854575"]
        // A reaction names its message itself.
        if message["reaction"] == nil { head["context"] = ["id": "wamid.B"] }
        message.merge(head) { first, _ in first }
        let contact: JSONValue = ["profile": ["name": "Asha"], "wa_id": "919876543210"]
        let webhook = notice([["contacts": [contact], "messages": [.object(message)]]])
        let heard = try MetaWebhooks.news(webhook, of: Self.place).heard
        #expect(heard.count == 1)
        #expect(heard.first?.id == "wamid.X" && heard.first?.from == PhoneNumber("+919876543210"))
        #expect(heard.first?.at == Instant(seconds: 1_749_854_575) && heard.first?.answers == "wamid.B")
        #expect(heard.first?.profileName == "Asha")
        #expect(heard.first?.text == saying.text && heard.first?.payload == saying.payload)
        let text = heard.first?.inbound(to: "106")
        #expect(text?.text == saying.text ?? "" && text?.channel == .whatsapp && text?.to == "106")
        #expect(text?.answers == ["wamid.B"] && text?.payload == saying.payload)
    }

    @Test func whoHidesTheirNumberIsHeardWithoutIt() throws {
        let webhook = notice([
            [
                "messages": [
                    [
                        "from_user_id": "IN.1234", "id": "wamid.X", "timestamp": "1", "type": "text",
                        "text": ["body": "hi"],
                    ],
                    ["from_user_id": "../../x", "id": "wamid.Y", "timestamp": "1", "type": "text"],
                    ["type": "system", "id": "wamid.S", "timestamp": "1", "system": ["type": "user_changed_number"]],
                    ["id": "wamid.T", "timestamp": "soon", "type": "text", "text": ["body": "hi"]],
                ]
            ]
        ])
        let heard = try MetaWebhooks.news(webhook, of: Self.place).heard
        #expect(heard.map(\.id) == ["wamid.X", "wamid.Y"] && heard.allSatisfy { $0.from == nil })
        let text = try #require(heard.first?.inbound(to: "106"))
        #expect(text.text == "hi" && text.from.text == "IN.1234" && text.from.channel == .whatsapp && text.alias == nil)
        // What is no user id is nobody who could be answered.
        #expect(heard.last?.inbound(to: "106") == nil)
    }

    /// As Meta's reference shows them, and as they come where the number is hidden.
    @Test(
        arguments: [
            (
                [
                    "from": "16505551234", "id": "wamid.A", "timestamp": "1739321024", "type": "system",
                    "system": [
                        "body": "User Sheena Nelson changed from 16505551234 to 12195555358", "wa_id": "12195555358",
                        "type": "user_changed_number",
                    ],
                ], ["+16505551234"], "+12195555358", nil, ["+16505551234 +12195555358"]
            ),
            (
                [
                    "from": "16505551234", "from_user_id": "US.1", "id": "wamid.A", "timestamp": "1", "type": "system",
                    "system": [
                        "body": "User A changed from 16505551234 to 12195555358", "new_wa_id": "12195555358",
                        "user_id": "US.2", "type": "user_changed_number",
                    ],
                ], ["+16505551234", "US.1"], "+12195555358", "US.2", ["+16505551234 +12195555358", "US.1 US.2"]
            ),
            (
                [
                    "id": "wamid.A", "timestamp": "1", "type": "system",
                    "system": [
                        "body": "User Sheena Nelson changed from US.13491208655302741918 to US.20847316093875120466",
                        "user_id": "US.20847316093875120466", "type": "user_changed_user_id",
                    ],
                ], ["US.13491208655302741918"], nil, "US.20847316093875120466",
                ["US.13491208655302741918 US.20847316093875120466"]
            ),
            (
                [
                    "from": "16505551234", "id": "wamid.A", "timestamp": "1", "type": "system",
                    "system": [
                        "body": "", "previous_user_id": "US.1", "user_id": "US.2", "wa_id": "16505551234",
                        "type": "user_changed_user_id",
                    ],
                ], ["+16505551234", "US.1"], "+16505551234", "US.2", ["US.1 US.2"]
            ),
        ] as [(JSONValue, [String], String?, String?, [String])]
    )
    func whoGoesByAnotherNumberOrID(
        message: JSONValue,
        before: [String],
        number: String?,
        user: String?,
        replaced: [String]
    ) throws {
        let news = try MetaWebhooks.news(notice([["messages": [message]]]), of: Self.place)
        let change = try #require(news.changes.first)
        #expect(news.changes.count == 1 && news.heard.isEmpty)
        #expect(change.before.map(\.text) == before && change.number?.number == number && change.user?.id == user)
        #expect(change.replaced.map { "\($0.gone.text) \($0.by.text)" } == replaced)
    }

    /// Names are anybody's to choose: they move nobody else's identity.
    @Test(arguments: [
        "User from US.1 to US.2 changed from US.3 to US.9", "User x changed from US.1 to US.9", "US.1 to US.2", "",
        "to US.2",
        "changed from 16505551234 to US.2",
    ])
    func aSentenceMovesOnlyWhomItEndsWith(body: String) throws {
        let message: JSONValue = [
            "id": "wamid.A", "timestamp": "1", "type": "system",
            "system": ["body": .string(body), "user_id": "US.2", "type": "user_changed_user_id"],
        ]
        #expect(try MetaWebhooks.news(notice([["messages": [message]]]), of: Self.place).changes.isEmpty)
    }

    @Test func aSenderIsNamedByNumberAndByUserID() throws {
        let contact: JSONValue = [
            "profile": ["name": "Asha", "username": "asha"], "wa_id": "919876543210", "user_id": "IN.1234",
        ]
        let hidden: JSONValue = ["profile": ["name": "Ravi"], "user_id": "IN.99"]
        func heard(_ message: [String: JSONValue], _ contacts: [JSONValue]) throws -> MetaWebhooks.Heard? {
            var message = message
            message.merge(["id": "wamid.X", "timestamp": "1", "type": "text", "text": ["body": "hi"]]) { $1 }
            let webhook = notice([["contacts": .array(contacts), "messages": [.object(message)]]])
            return try MetaWebhooks.news(webhook, of: Self.place).heard.first
        }
        for message in [["from": "919876543210"], ["from_user_id": "IN.1234"]] as [[String: JSONValue]] {
            let text = try #require(try heard(message, [hidden, contact])?.inbound(to: "106"))
            #expect(text.from.text == "+919876543210" && text.alias?.id == "IN.1234")
        }
        let alone = try #require(try heard([:], [hidden]))
        #expect(alone.profileName == "Ravi" && alone.inbound(to: "106")?.from.text == "IN.99")
        // Of two it could be either.
        #expect(try heard([:], [hidden, contact])?.inbound(to: "106") == nil)
    }

    @Test func theFirstContactThatFitsIsTheSender() throws {
        let empty = Array(repeating: JSONValue.object([:]), count: 3)
        let known: [JSONValue] = [
            ["wa_id": "91", "profile": ["name": "First"]],
            ["wa_id": "91", "user_id": "IN.1", "profile": ["name": "Second"]],
            ["wa_id": "92", "user_id": "IN.2", "profile": ["name": "Third"]],
        ]
        let senders = MetaSenders(.array(empty + known))
        for (number, user, name) in [
            ("91", nil, "First"), ("91", "IN.1", "First"), (nil, "IN.1", "Second"), ("92", "IN.1", "Second"),
            ("91", "IN.2", "First"), ("93", "IN.2", "Third"), ("93", nil, nil), (nil, nil, nil),
        ] as [(String?, String?, String?)] {
            var message: [String: JSONValue] = [:]
            if let number { message["from"] = .string(number) }
            if let user { message["from_user_id"] = .string(user) }
            let sender = senders.sender(of: .object(message))
            #expect(sender.name == name && (number == nil || sender.number == number), "\(message)")
        }
    }

    /// Whatever it is: nothing of it is read before it is counted.
    @Test(arguments: [("messages", "messages"), ("messages", "statuses"), ("user_preferences", "user_preferences")])
    func oneThatTellsOfTooMuchIsRefused(field: String, member: String) throws {
        func news(_ counts: [Int]) throws -> MetaWebhooks.News {
            let values = counts.map { count -> JSONValue in
                .object([member: .array(Array(repeating: .object([:]), count: count))])
            }
            return try MetaWebhooks.news(notice(values, field: field), of: Self.place)
        }
        #expect(try news([WebhookCall.mostReports]) == MetaWebhooks.News())
        for counts in [[WebhookCall.mostReports + 1], [WebhookCall.mostReports, 1]] {
            #expect(throws: Problem.self) { try news(counts) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func manyMessagesFindTheirSendersAmongManyContacts() throws {
        let contacts = Array(repeating: JSONValue.object([:]), count: 200_000)
        let known: JSONValue = ["wa_id": "919876543210", "profile": ["name": "Asha"]]
        let message: JSONValue = [
            "from": "919876543210", "id": "wamid.X", "timestamp": "1", "type": "text", "text": ["body": "hi"],
        ]
        let webhook = notice([
            ["contacts": .array(contacts + [known]), "messages": .array(Array(repeating: message, count: 5_000))]
        ])
        let heard = try MetaWebhooks.news(webhook, of: Self.place).heard
        #expect(heard.count == 5_000 && heard.allSatisfy { $0.profileName == "Asha" })
    }

    @Test func whatIsNoNoticeIsRefused() {
        for text in ["", "[]", "{}", #"{"object":"page","entry":[]}"#, #"{"object":1}"#] {
            #expect(throws: Problem.self) { try MetaWebhooks.news(.webhook(Array(text.utf8)), of: Self.place) }
        }
        for text in ["", ",\"entry\":{}", ",\"entry\":[1]", ",\"entry\":[{\"changes\":[{\"field\":\"messages\"}]}]"] {
            let body = "{\"object\":\"whatsapp_business_account\"\(text)}"
            #expect(throws: Never.self) { try MetaWebhooks.news(.webhook(Array(body.utf8)), of: Self.place) }
        }
    }
}

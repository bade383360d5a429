import CommunicationAPI
import Contracts
import Core
import Crypto
import CryptoExtras
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What providers are given beside the message itself: where what it says stands, how long it holds, and that nobody is watched.
@Suite struct WireSecrecyTests {
    private static let now = ProviderSamples.time
    private static let id = MessageID(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0001)
    private static let account = "AC" + String(repeating: "a", count: 32)
    private static let webhook = "https://clinic.example/api/v1/webhooks/communication/twilio/c"
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    private static func credentials() throws -> Credentials {
        let serviceAccount: JSONValue = [
            "type": "service_account", "project_id": "clinic-app-1", "private_key_id": "key-1",
            "private_key": .string(try key.get().pemRepresentation),
            "client_email": "sender@clinic-app-1.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
        ]
        return ProviderSamples.credentials([
            "region": "eu-west-1", "sendMailToken": "token-1", "accountSid": .string(account), "authToken": "token-2",
            "fromNumber": "+15005550006", "whatsappNumber": "+14155238886", "accessToken": "EAAG",
            "phoneNumberId": "106540352242922", "serviceAccount": serviceAccount,
            "platformApplicationArn": "arn:aws:sns:eu-west-1:123456789012:app/GCM/clinic",
        ])
    }

    private static func make<Provider: MessageProvider>(_ type: Provider.Type) throws -> Provider {
        var credentials = try credentials()
        // These have regions of their own.
        if ["twilio", "zeptomail"].contains(type.name) {
            credentials = Credentials(credentials.unredacted.filter { $0.key != "region" })
        }
        return try #require(type.init(credentials, through: ProviderSamples.transports()))
    }

    private static func email() throws -> EmailToSend {
        let file = AttachedFile(filename: "Filename-PHI.pdf", contentType: "application/pdf", size: 1)
        var email = EmailToSend(
            id: id,
            to: try #require(EmailAddress("recipient-phi@example.com")),
            replyTo: EmailAddress("desk@example.com"),
            subject: "Subject-PHI",
            text: "Text-PHI",
            html: "<p>Html-PHI</p>",
            attachments: [Attachment(file: file, bytes: [1])],
            date: now,
            key: id.description
        )
        email.unsubscribeLink = "https://clinic.example/api/v1/public/unsubscribe/t0"
        return email
    }

    private static func text(_ approved: ApprovedTemplate? = nil, open: Bool = true) throws -> TextToSend {
        TextToSend(
            id: id,
            to: .phone(try #require(PhoneNumber("+4915112345678"))),
            text: "Text-PHI",
            approved: approved,
            windows: ConversationWindows(
                lastInbound: open ? ["meta:106540352242922": now, "twilio:+14155238886": now] : [:]
            ),
            expiresAt: now + .seconds(600),
            category: .care,
            statusURL: webhook
        )
    }

    private static let push = PushToSend(
        id: id,
        token: Secret("Token-PHI"),
        title: "Subject-PHI",
        text: "Text-PHI",
        expiresAt: now + .seconds(600),
        isUrgent: false
    )

    /// A request, and the only places in it where each word may stand.
    struct Carrier: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let call: @Sendable () throws -> ProviderCall
        let places: [String: Set<String>]
    }

    private static func mail(_ fields: [String: String]) -> [String: Set<String>] {
        fields.mapValues { [$0] }
    }

    static let carriers: [Carrier] = [
        Carrier(
            testDescription: "aws_ses",
            call: { try make(AWSSESProvider.self).sending(email(), at: now) },
            places: mail([
                "Subject-PHI": "Content.Simple.Subject.Data", "Text-PHI": "Content.Simple.Body.Text.Data",
                "Html-PHI": "Content.Simple.Body.Html.Data", "Filename-PHI": "Content.Simple.Attachments.FileName",
                "recipient-phi": "Destination.ToAddresses",
            ])
        ),
        Carrier(
            testDescription: "sendgrid",
            call: { try make(SendGridProvider.self).sending(email()) },
            places: mail([
                "Subject-PHI": "subject", "Text-PHI": "content.value", "Html-PHI": "content.value",
                "Filename-PHI": "attachments.filename", "recipient-phi": "personalizations.to.email",
            ])
        ),
        Carrier(
            testDescription: "resend",
            call: { try make(ResendProvider.self).sending(email()) },
            places: mail([
                "Subject-PHI": "subject", "Text-PHI": "text", "Html-PHI": "html",
                "Filename-PHI": "attachments.filename", "recipient-phi": "to",
            ])
        ),
        Carrier(
            testDescription: "zeptomail",
            call: { try make(ZeptoMailProvider.self).sending(email()) },
            places: mail([
                "Subject-PHI": "subject", "Text-PHI": "textbody", "Html-PHI": "htmlbody",
                "Filename-PHI": "attachments.name", "recipient-phi": "to.email_address.address",
            ])
        ),
        Carrier(
            testDescription: "twilio sms",
            call: { try make(TwilioSMSProvider.self).sending(text(), at: now) },
            places: mail(["Text-PHI": "Body", "4915112345678": "To"])
        ),
        Carrier(
            testDescription: "twilio whatsapp",
            call: { try make(TwilioWhatsAppProvider.self).sending(text(), at: now) },
            places: mail(["Text-PHI": "Body", "4915112345678": "To"])
        ),
        Carrier(
            testDescription: "aws_sns sms",
            call: { try make(AWSSNSTextProvider.self).sending(text(), at: now) },
            places: mail(["Text-PHI": "Message", "4915112345678": "PhoneNumber"])
        ),
        Carrier(
            testDescription: "meta",
            call: { try #require(try make(MetaWhatsAppProvider.self).sending(text(), at: now)) },
            places: mail(["Text-PHI": "text.body", "4915112345678": "to"])
        ),
        Carrier(
            testDescription: "meta template",
            call: {
                let approved = ApprovedTemplate(name: "reminder", language: "en", parameters: ["Value-PHI"])
                return try #require(try make(MetaWhatsAppProvider.self).sending(text(approved, open: false), at: now))
            },
            places: mail(["Value-PHI": "template.components.parameters.text", "4915112345678": "to"])
        ),
        Carrier(
            testDescription: "fcm",
            call: { try make(FCMProvider.self).sending(push, token: Secret("ya29"), at: now) },
            places: mail([
                "Subject-PHI": "message.notification.title", "Text-PHI": "message.notification.body",
                "Token-PHI": "message.token",
            ])
        ),
        Carrier(
            testDescription: "aws_sns push",
            call: {
                let endpoint = try #require(SNSName("arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/clinic/1f2e"))
                return try make(AWSSNSPushProvider.self).sending(push, to: endpoint, at: now)
            },
            places: mail(["Subject-PHI": "Message", "Text-PHI": "Message"])
        ),
    ]

    /// What a call's body holds, by where it stands.
    private func leaves(_ call: ProviderCall) throws -> [(place: String, text: String)] {
        if call.body.first == UInt8(ascii: "{") {
            return leaves(of: try JSONTape(call.body).decode(JSONValue.self), at: "")
        }
        return try #require(FormBody.parse(call.body)).map { (place: $0.name, text: $0.value) }
    }

    private func leaves(of json: JSONValue, at place: String) -> [(place: String, text: String)] {
        switch json {
        case .string(let text): [(place: place, text: text)]
        case .array(let items): items.flatMap { leaves(of: $0, at: place) }
        case .object(let members):
            // A member's name could tell something as well.
            members.flatMap { name, value in
                [(place: place, text: name)] + leaves(of: value, at: place.isEmpty ? name : "\(place).\(name)")
            }
        case .null, .bool, .integer, .number: []
        }
    }

    /// Neither tags nor custom arguments, categories, callback data, addresses or headers hold a word of it.
    @Test(arguments: carriers) func whatAMessageSaysStandsInItsOwnPlaceAlone(carrier: Carrier) throws {
        let call = try carrier.call()
        let leaves = try leaves(call)
        for (word, places) in carrier.places {
            let found = leaves.filter { $0.text.lowercased().contains(word.lowercased()) }.map(\.place)
            #expect(Set(found) == places, "\(word)")
        }
        let around = ([call.method, call.url] + call.headers.flatMap { [$0.name, $0.value] }).joined(separator: "\n")
        #expect(!around.lowercased().contains("phi") && !around.contains("4915112345678"))
        // Whatever else there is to be kept by a provider is our id.
        #expect(leaves.contains { $0.text.contains(Self.id.description) } || carrier.testDescription == "aws_sns sms")
    }

    /// No pixel and no rewritten link in mail about somebody's health.
    @Test func nobodyIsWatched() throws {
        let sendGrid = try JSONTape(try Self.make(SendGridProvider.self).sending(Self.email()).body).decode(
            JSONValue.self
        )
        for (kind, key) in [
            ("click_tracking", "enable"), ("click_tracking", "enable_text"), ("open_tracking", "enable"),
            ("subscription_tracking", "enable"),
        ] {
            #expect(sendGrid["tracking_settings"]?[kind]?[key] == .bool(false), "\(kind).\(key)")
        }
        let zeptoMail = try JSONTape(try Self.make(ZeptoMailProvider.self).sending(Self.email()).body)
            .decode(JSONValue.self)
        #expect(zeptoMail["track_opens"] == .bool(false) && zeptoMail["track_clicks"] == .bool(false))
    }

    /// A message that is of no use after a time says so to every provider that can hold it back.
    @Test func theExpiryIsTheProvidersToo() throws {
        func form(_ call: ProviderCall) throws -> [String: String] {
            let pairs = try #require(FormBody.parse(call.body))
            return Dictionary(pairs.map { ($0.name, $0.value) }) { first, _ in first }
        }
        #expect(
            try form(Self.make(TwilioSMSProvider.self).sending(Self.text(), at: Self.now))["ValidityPeriod"] == "600"
        )
        #expect(
            try form(Self.make(TwilioWhatsAppProvider.self).sending(Self.text(), at: Self.now))["ValidityPeriod"]
                == "600"
        )
        let fcm = try Self.make(FCMProvider.self).sending(Self.push, token: Secret("ya29"), at: Self.now)
        let message = try JSONTape(fcm.body).decode(JSONValue.self)["message"]
        #expect(message?["android"]?["ttl"]?.string == "600s")
        #expect(message?["apns"]?["headers"]?["apns-expiration"]?.string == "\((Self.now + .seconds(600)).seconds)")
        #expect(message?["webpush"]?["headers"]?["TTL"]?.string == "600")
        for (platform, sign) in [("GCM", #"\"ttl\":\"600s\""#), ("APNS", "600")] {
            let name = "arn:aws:sns:eu-west-1:123456789012:endpoint/\(platform)/clinic/1f2e"
            let call = try Self.make(AWSSNSPushProvider.self).sending(
                Self.push,
                to: try #require(SNSName(name)),
                at: Self.now
            )
            let pairs = try form(call)
            let attributes = pairs.filter { $0.key.hasPrefix("MessageAttributes") }.map(\.value)
            let isSaid = platform == "GCM" ? pairs["Message"]?.contains(sign) == true : attributes.contains(sign)
            #expect(isSaid, "\(platform)")
        }
    }
}

import Contracts
import Core
import Crypto
import Testing

@testable import Communication

/// Our verification beside that of others: what they sign is believed, and what they refuse is not.
@Suite struct WebhookSignatureTests {
    private func cases(_ path: String...) throws -> [JSONValue] {
        let recorded = try ProviderSamples.recorded("webhook_signatures.json")
        let found = path.reduce(recorded) { $0[$1] ?? .null }
        guard case .array(let cases) = found, !cases.isEmpty else {
            Issue.record("no cases under \(path)")
            return []
        }
        return cases
    }

    private func text(_ item: JSONValue, _ key: String) throws -> String { try #require(item[key]?.string) }

    // MARK: - Svix

    private struct Svix {
        var headers: [String: String]
        var body: [UInt8]
        var secret: Secret
        var now: Instant

        var isValid: Bool { SvixSignature(headers)?.isValid(for: body, secrets: [secret], at: now) ?? false }
    }

    private func svix() throws -> [Svix] {
        try cases("svix").map { item in
            Svix(
                headers: [
                    "svix-id": try text(item, "id"), "svix-timestamp": try text(item, "timestamp"),
                    "svix-signature": try text(item, "signature"),
                ],
                body: Array(try text(item, "body").utf8),
                secret: Secret(try text(item, "secret")),
                now: Instant(seconds: try #require(Int64(try text(item, "timestamp"))))
            )
        }
    }

    @Test func whatSvixSignsIsBelieved() throws {
        for good in try svix() {
            #expect(good.isValid)
            var standard = good
            standard.headers = Dictionary(
                uniqueKeysWithValues: good.headers.map { ($0.key.replacing("svix-", with: "webhook-"), $0.value) }
            )
            #expect(standard.isValid)
            // While a secret rotates there are two signatures, and two secrets.
            var rotating = good
            rotating.headers["svix-signature"] = "v1,AAAA v2,x " + (good.headers["svix-signature"] ?? "")
            #expect(rotating.isValid)
            let signature = try #require(SvixSignature(good.headers))
            let other = Secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            #expect(signature.isValid(for: good.body, secrets: [other, good.secret], at: good.now))
            #expect(!signature.isValid(for: good.body, secrets: [other], at: good.now))
            #expect(!signature.isValid(for: good.body, secrets: [], at: good.now))
        }
    }

    @Test(arguments: [
        "svix-id": "msg_other", "svix-timestamp": "1700000000", "svix-signature": "v1,AAAA",
    ]) func aChangedHeaderIsNot(header: String, value: String) throws {
        for good in try svix() {
            var changed = good
            changed.headers[header] = value
            #expect(!changed.isValid)
            changed.headers[header] = nil
            #expect(!changed.isValid)
            for junk in ["", " ", "v1", "v1,", "\u{0}", String(repeating: "9", count: 30), "-1", "+1792566000"] {
                changed.headers[header] = junk
                #expect(!changed.isValid, "\(header): \(junk)")
            }
        }
    }

    @Test func neitherIsAChangedBodyNorAnotherTime() throws {
        for good in try svix() {
            var changed = good
            changed.body.append(0x20)
            #expect(!changed.isValid)
            changed = good
            changed.headers["svix-signature"] = good.headers["svix-signature"]?.replacing("v1,", with: "v1a,")
            #expect(!changed.isValid)
            for (seconds, isValid) in [(300, true), (301, false), (-300, true), (-301, false)] {
                changed = good
                changed.now = good.now + .seconds(seconds)
                #expect(changed.isValid == isValid, "\(seconds) seconds later")
            }
        }
    }

    @Test func aSecretIsBase64BehindItsPrefix() {
        #expect(SvixSignature.key(Secret("whsec_AAECAw==")) == SymmetricKey(data: [0, 1, 2, 3] as [UInt8]))
        #expect(SvixSignature.key(Secret("AAECAw==")) == SymmetricKey(data: [0, 1, 2, 3] as [UInt8]))
        for text in ["", "whsec_", "whsec_*", "whsec_AAE"] { #expect(SvixSignature.key(Secret(text)) == nil) }
    }

    // MARK: - SendGrid

    private func call(_ item: JSONValue) throws -> WebhookCall {
        WebhookCall(
            body: Array(try text(item, "body").utf8),
            headers: [
                "X-Twilio-Email-Event-Webhook-Signature": try text(item, "signature"),
                "X-Twilio-Email-Event-Webhook-Timestamp": try text(item, "timestamp"),
            ]
        )
    }

    @Test func eventsAreJudgedAsSendGridsOwnVerifierDoes() throws {
        for item in try cases("sendgrid") {
            let key = try #require(SendGridWebhooks.publicKey(try text(item, "key")))
            let at = Instant(seconds: try #require(Int64(try text(item, "timestamp"))))
            let isSigned = SendGridWebhooks.isSigned(try call(item), [key], at: at)
            #expect(.bool(isSigned) == item["isValid"], "\(item["name"]?.string ?? "as it was signed")")
        }
    }

    @Test func andAreNotBelievedForEver() throws {
        let item = try #require(try cases("sendgrid").first)
        let text = try text(item, "key")
        let pem = "-----BEGIN PUBLIC KEY-----\n\(text.prefix(64))\n\(text.dropFirst(64))\n-----END PUBLIC KEY-----\n"
        let key = try #require(SendGridWebhooks.publicKey(pem))
        let call = try call(item)
        let at = Instant(seconds: try #require(Int64(try self.text(item, "timestamp"))))
        for (seconds, isSigned) in [(0, true), (90_000, true), (90_001, false), (-300, true), (-301, false)] {
            #expect(SendGridWebhooks.isSigned(call, [key], at: at + .seconds(seconds)) == isSigned, "\(seconds)")
        }
        #expect(!SendGridWebhooks.isSigned(call, [], at: at))
        for name in call.headers.keys {
            for junk in ["", "AAAA", "x", "1600112502x", "+1600112502", " 1600112502"] {
                let changed = WebhookCall(
                    body: call.body,
                    headers: call.headers.merging([name: junk]) { _, new in new }
                )
                #expect(!SendGridWebhooks.isSigned(changed, [key], at: at), "\(name): \(junk)")
            }
            let without = WebhookCall(body: call.body, headers: call.headers.filter { $0.key != name })
            #expect(!SendGridWebhooks.isSigned(without, [key], at: at))
        }
        for text in ["", "AAAA", "no key", "MFkw"] { #expect(SendGridWebhooks.publicKey(text) == nil) }
    }

    // MARK: - SNS

    @Test func messagesOfSNSAreJudgedAsAnotherVerifierDoes() throws {
        let recorded = try ProviderSamples.recorded("webhook_signatures.json")["sns"]
        for item in try cases("sns", "cases") {
            let name = try text(item, "name")
            let pem = try #require(recorded?["certificates"]?[try text(item, "certificate")]?.string)
            let certificate = try #require(SNSCertificate(pem: Array(pem.utf8)))
            let envelope = try #require(SNSEnvelope(Array(try text(item, "body").utf8)), "\(name)")
            let isSigned =
                certificate.isTrusted(at: ProviderSamples.time)
                && envelope.signedTexts.contains {
                    certificate.isSigned($0, envelope.signature, version: envelope.version)
                }
            #expect(.bool(isSigned) == item["isValid"], "\(name)")
        }
    }

    @Test func aCertificateIsOnlyOne() throws {
        let recorded = try ProviderSamples.recorded("webhook_signatures.json")["sns"]?["certificates"]
        let pem = try #require(recorded?["theirs"]?.string)
        #expect(SNSCertificate(pem: Array(pem.utf8))?.isTrusted(at: ProviderSamples.time) == true)
        for text in ["", "no certificate", String(pem.dropLast(80)), "\u{FF}"] {
            #expect(SNSCertificate(pem: Array(text.utf8)) == nil)
        }
        #expect(SNSCertificate(pem: [0xFF, 0xFE]) == nil)
    }
}

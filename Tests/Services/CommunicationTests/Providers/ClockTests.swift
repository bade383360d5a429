import CommunicationAPI
import Contracts
import Core
import Crypto
import Outbound
import Resilience
import Testing

@testable import Communication

/// A clock that is wrong makes every signature wrong at once: nobody's credentials are to blame, and none may be given up.
@Suite struct ClockTests {
    private static func aws(_ name: String, _ said: String) -> OutboundResponse {
        let xml = "<ErrorResponse><Error><Code>\(name)</Code><Message>\(said)</Message></Error></ErrorResponse>"
        return RecordedAnswer(403, [], xml).response
    }

    private static func ses(_ name: String, _ said: String) -> OutboundResponse {
        RecordedAnswer(403, [("x-amzn-ErrorType", name)], #"{"message":"\#(said)"}"#).response
    }

    private static let words = [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("RequestExpired", "Request has expired."), ("RequestInTheFuture", "Not yet."),
        ("InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than 20260101T001500Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20260101T003000Z is still later than 20260101T001500Z"),
    ]

    @Test func itLatchesNobodysCredentials() {
        var verdicts: [ProviderVerdict] = []
        for (name, said) in Self.words {
            verdicts.append(AWSSESReply.verdict(Self.ses(name, said)))
            verdicts.append(AWSSNSReply.published(Self.aws(name, said)))
        }
        let grant = """
            {"error":"invalid_grant","error_description":"Invalid JWT: Token must be a short-lived token (60 minutes) and in a \
            reasonable timeframe. Check your iat and exp values in the JWT claim."}
            """
        verdicts.append(GoogleTokenReply(RecordedAnswer(400, [], grant).response, at: .now()).verdict)
        for verdict in verdicts {
            #expect(verdict.outcome == .transient, "\(verdict)")
            #expect(SendingRules.circuit(after: verdict) == .settle(.failure))
            #expect(verdict.detail?.contains("clock") == true)
        }
        // The same refusals for another reason are the credentials'.
        #expect(AWSSESReply.verdict(Self.ses("SignatureDoesNotMatch", "Check your key")).outcome == .credentials)
        #expect(AWSSNSReply.published(Self.aws("SignatureDoesNotMatch", "Check your key")).outcome == .credentials)
    }

    /// Within five minutes clocks may differ; beyond, a webhook is refused, and its sender brings it again later.
    @Test(arguments: [(0, true), (299, true), (-299, true), (301, false), (-301, false), (86_400, false)])
    func aWebhookMayBeAFewMinutesOld(age: Int, isBelieved: Bool) throws {
        let secret = Secret("whsec_Y2xpbmljLXNpZ25pbmctc2VjcmV0LTAwMDE=")
        let (body, now) = (Array(#"{"type":"email.delivered"}"#.utf8), ProviderSamples.time)
        let stamp = "\((now - .seconds(age)).seconds)"
        let key = try #require(SvixSignature.key(secret))
        let code = HMAC<SHA256>.authenticationCode(for: Array("msg_1.\(stamp).".utf8) + body, using: key)
        let signature = try #require(
            SvixSignature([
                "svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": "v1,\(Base64.encode(Array(code)))",
            ])
        )
        #expect(signature.isValid(for: body, secrets: [secret], at: now) == isBelieved)
    }
}

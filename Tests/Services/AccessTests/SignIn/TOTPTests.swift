import Core
import Testing
import Vault

@testable import Access

@Suite struct TOTPTests {
    private static let totp = TOTP(secret: Array("12345678901234567890".utf8))

    /// RFC 6238, appendix B, the rows of SHA-1.
    @Test(arguments: [
        (Int64(59), "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
        (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ]) func givesThePublishedCodes(_ seconds: Int64, _ code: String) {
        let step = TOTP.step(at: Instant(seconds: seconds))
        #expect(Self.totp.code(at: step, digits: 8) == code)
        #expect(Self.totp.code(at: step) == String(code.suffix(6)))
    }

    /// RFC 4226, appendix D.
    @Test(
        arguments: [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
        ].enumerated().map { ($0.offset, $0.element) }
    )
    func givesThePublishedCodesOfCounters(_ counter: Int, _ code: String) {
        #expect(Self.totp.code(at: Int64(counter)) == code)
    }

    @Test(arguments: [(-2, false), (-1, true), (0, true), (1, true), (2, false)])
    func takesTheCodesOfTheStepsAround(_ distance: Int64, _ isTaken: Bool) {
        let now = Instant(seconds: 1_111_111_111)
        let step = TOTP.step(at: now) + distance
        #expect(Self.totp.step(of: Self.totp.code(at: step), at: now) == (isTaken ? step : nil))
    }

    @Test(arguments: ["", "0", "00000", "05047", "0050471", "050 471", "٠٥٠٤٧١"])
    func takesNothingElse(_ code: String) {
        #expect(Self.totp.step(of: code, at: Instant(seconds: 1_111_111_111)) == nil)
    }

    /// RFC 4648 §10, without padding.
    @Test(arguments: [
        ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
        ("foobar", "MZXW6YTBOI"),
    ]) func base32(_ text: String, _ encoded: String) {
        #expect(Base32.encode(Array(text.utf8)) == encoded)
    }

    @Test func theURIIsWhatAppsRead() {
        #expect(
            Self.totp.uri(issuer: "Polyclinic", account: "né@example.org")
                == "otpauth://totp/Polyclinic:n%C3%A9%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                + "&issuer=Polyclinic&algorithm=SHA1&digits=6&period=30"
        )
    }

    @Test func aRecoveryCodeIsFoundHoweverItIsTyped() throws {
        let index = try BlindIndex(KeyFile.generate(), service: .access)
        let user = UserID()
        let code = RecoveryCode().text.unredacted
        #expect(code.wholeMatch(of: #/[a-z2-7]{5}-[a-z2-7]{5}/#) != nil)
        let hash = try #require(RecoveryCode.hash(code, of: user, index: index))
        for typed in [code.uppercased(), code.replacing("-", with: ""), code.replacing("-", with: " ")] {
            #expect(RecoveryCode.hash(typed, of: user, index: index) == hash)
        }
        #expect(RecoveryCode.hash(code, of: UserID(), index: index) != hash)
        #expect(RecoveryCode.hash("123456", of: user, index: index) == nil)
    }
}

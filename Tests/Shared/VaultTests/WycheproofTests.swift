import Core
import Crypto
import Testing

@testable import Vault

@Suite("The primitives give what C2SP's Wycheproof says")
struct WycheproofTests {
    @Test func `AES-256-GCM`() throws {
        let cases = try vectors("aes_gcm.txt")
        #expect(cases.count == 66)
        for test in cases {
            let key = SymmetricKey(data: try bytes(test[2]))
            let box = try AES.GCM.SealedBox(
                nonce: .init(data: try bytes(test[3])),
                ciphertext: try bytes(test[6]),
                tag: try bytes(test[7])
            )
            let opened = try? AES.GCM.open(box, using: key, authenticating: try bytes(test[4]))
            if test[1] == "valid" {
                #expect(opened.map { [UInt8]($0) } == (try bytes(test[5])), "case \(test[0])")
                let sealed = try AES.GCM.seal(
                    try bytes(test[5]),
                    using: key,
                    nonce: box.nonce,
                    authenticating: try bytes(test[4])
                )
                #expect([UInt8](sealed.ciphertext + sealed.tag) == (try bytes(test[6] + test[7])), "case \(test[0])")
            } else {
                #expect(opened == nil, "case \(test[0])")
            }
        }
    }

    @Test func `HKDF-SHA256`() throws {
        let cases = try vectors("hkdf_sha256.txt")
        #expect(cases.count == 86)
        for test in cases where test[1] == "valid" {
            let derived = HKDF<SHA256>.bytes(
                key: SymmetricKey(data: try bytes(test[2])),
                salt: try bytes(test[3]),
                info: try bytes(test[4]),
                count: try #require(Int(test[5]))
            )
            #expect(derived == (try bytes(test[6])), "case \(test[0])")
        }
    }
}

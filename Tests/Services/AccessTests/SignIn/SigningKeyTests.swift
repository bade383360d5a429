import Authorization
import Contracts
import Core
import Crypto
import Testing
import Vault

@testable import Access

/// Keys for access tokens, from being published to having signed the last token.
@Suite struct SigningKeyTests {
    private static let issuer = "https://test.example"

    private func kid(of token: String) throws -> String {
        struct Header: Decodable { var kid: String }
        let header = try #require(token.split(separator: ".").first.map(String.init))
        return try JSONTape(try #require(AccessDesk.decode(header))).decode(Header.self).kid
    }

    /// Whether one of the published keys, the one that is named, has signed it.
    private func isSigned(_ token: String, by keys: [VerificationKey]) throws -> Bool {
        let parts = token.split(separator: ".").map(String.init)
        guard let key = try keys.first(where: { $0.kid == (try kid(of: token)) }) else { return false }
        let point = [4] + (AccessDesk.decode(key.x) ?? []) + (AccessDesk.decode(key.y) ?? [])
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(AccessDesk.decode(parts[2])))
        return try P256.Signing.PublicKey(x963Representation: point)
            .isValidSignature(signature, for: Array("\(parts[0]).\(parts[1])".utf8))
    }

    @Test func theNextKeyIsPublishedBeforeItSigns() throws {
        var file = KeyFile.generate()
        let before = try TokenSigner(keys: file, issuer: Self.issuer)
        let former = try before.sign(user: UserID(), signIn: SignInID(), at: .now())
        let ids = file.ids(of: .token)
        #expect(before.verificationKeys.map(\.kid) == ids)
        #expect(try kid(of: former) == ids[0])
        try file.promote(.token, id: ids[1])
        let after = try TokenSigner(keys: file, issuer: Self.issuer)
        let token = try after.sign(user: UserID(), signIn: SignInID(), at: .now())
        #expect(try kid(of: token) == ids[1])
        // Who knows the keys of either time takes the tokens of both.
        for keys in [before.verificationKeys, after.verificationKeys] {
            #expect(try isSigned(former, by: keys))
            #expect(try isSigned(token, by: keys))
        }
        #expect(file.jwtSigningKeys[0].supersededAt != nil)
        #expect(file.jwtSigningKeys[1].supersededAt == nil)
        try file.retire(.token, id: ids[0])
        #expect(try !isSigned(former, by: TokenSigner(keys: file, issuer: Self.issuer).verificationKeys))
    }
}

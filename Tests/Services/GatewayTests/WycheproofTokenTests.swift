import Authorization
import Core
import FoundationEssentials
import JWTKit
import Testing

@testable import Gateway

@Suite("Signed tokens are judged as C2SP's Wycheproof says")
struct WycheproofTokenTests {
    private struct Vector {
        let id: String
        let isValid: Bool
        let algorithm: String
        let key: VerificationKey?
        let token: String

        init(_ fields: [String]) {
            id = "\(fields[0]) \(fields[2])"
            isValid = fields[1] == "valid"
            algorithm = fields[3]
            key = fields[5].isEmpty ? nil : VerificationKey(kid: fields[4], x: fields[5], y: fields[6])
            token = fields[7]
        }
    }

    private static func vectors() throws -> [Vector] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Vectors/json_web_signature.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { Vector($0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)) }
    }

    /// None says who it is for, so not even the valid ones are tokens of ours; those of other algorithms are presented under
    /// a P-256 key that has their name.
    @Test func noneLetsAnybodyIn() async throws {
        let vectors = try Self.vectors()
        #expect(vectors.count == 90)
        let ours = try #require(vectors.compactMap(\.key).first)
        let names = ["kid-aes-sign", "hs256-key", "kid-rsa-sign", "RS384_2048", "RS512_2048", "PS256_2048"]
        let keys = (names + ["PS384_2048", "PS512_2048", "bilbo.baggins@hobbiton.example"]).map {
            VerificationKey(kid: $0, x: ours.x, y: ours.y)
        }
        let verifier = TokenVerifier(issuer: TokenTests.issuer)
        for vector in vectors {
            let known = keys + [vector.key ?? ours]
            #expect(await verifier.verify(vector.token, keys: known, at: .now()) == nil, "\(vector.id)")
        }
    }

    /// What stands behind the claims: the library, asked about signatures alone.
    ///
    /// Left out are other algorithms, of which it is given no key, and keys for encryption: we read no key that says what it
    /// is for, as access publishes nothing but what tokens are signed with.
    @Test func signaturesAreWhatTheyAreSaidToBe() async throws {
        let vectors = try Self.vectors().filter { $0.algorithm == "ES256" }
        #expect(vectors.count == 41 && vectors.count(where: \.isValid) == 2)
        for vector in vectors {
            let key = try #require(vector.key)
            #expect(await Self.accepts(vector.token, key) == vector.isValid, "\(vector.id)")
        }
    }

    private static func accepts(_ token: String, _ key: VerificationKey) async -> Bool {
        guard let publicKey = try? ES256PublicKey(parameters: (x: key.x, y: key.y)) else { return false }
        let parser = DefaultJWTParser(jsonDecoder: HeaderDecoder())
        let keys = JWTKeyCollection(defaultJWTParser: parser)
        await keys.add(ecdsa: publicKey, kid: JWKIdentifier(string: key.kid), parser: parser)
        return (try? await keys.verify(token, as: AnyPayload.self)) != nil
    }
}

/// The vectors sign `foo`, which is no JSON.
private struct AnyPayload: JWTPayload {
    func verify(using algorithm: some JWTAlgorithm) async throws {}
}

private struct HeaderDecoder: JWTJSONDecoder {
    func decode<T: Decodable>(_: T.Type, from string: Data) throws -> T {
        if let payload = AnyPayload() as? T { return payload }
        return try JSONDecoder().decode(T.self, from: string)
    }
}

import Contracts
import Core
import Crypto
import CryptoExtras
import TestKit
import Testing

@testable import Sandbox

@Suite(.timeLimit(.minutes(1))) struct FCMTests {
    private static let path = "/fcm/v1/projects/\(FCMAccounts.project)/messages:send"

    /// A claim as the sandbox's own account would sign it, but for the changes.
    private func assertion(_ key: JSONValue, _ changes: [String: JSONValue] = [:], _ alg: String = "RS256") throws
        -> String
    {
        let now = Instant.now().seconds
        let usual: [String: JSONValue] = [
            "iss": key["client_email"] ?? .null, "scope": "https://www.googleapis.com/auth/firebase.messaging",
            "aud": key["token_uri"] ?? .null,
            "iat": .integer(now), "exp": .integer(now + 3_600),
        ]
        let claims = JSONValue.object(usual.merging(changes) { _, new in new })
        let parts = try [["alg": .string(alg), "typ": "JWT"], claims].map {
            Base64URL.encode(try JSONWriter.encode($0))
        }
        let pem = try #require(key["private_key"]?.string)
        let signature = try _RSA.Signing.PrivateKey(pemRepresentation: pem).signature(
            for: SHA256.hash(data: Array(parts.joined(separator: ".").utf8)),
            padding: .insecurePKCS1v1_5
        )
        return parts.joined(separator: ".") + "." + Base64URL.encode(Array(signature.rawRepresentation))
    }

    private func exchange(_ sandbox: RunningSandbox, _ assertion: String) async throws -> RunningSandbox.Answer {
        let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
        return try #require(
            await sandbox.call(
                "POST",
                "/fcm/token",
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(form.utf8)
            )
        )
    }

    private func token(_ sandbox: RunningSandbox) async throws -> String {
        let key = try #require(await sandbox.call("GET", "/fcm/service-account")?.json)
        return try #require(try await exchange(sandbox, assertion(key)).json["access_token"]?.string)
    }

    @Test func aSignatureIsExchangedForAToken() async throws {
        try await RunningSandbox.with { sandbox in
            let key = try #require(await sandbox.call("GET", "/fcm/service-account")?.json)
            #expect(key["token_uri"]?.string == "\(sandbox.url)/fcm/token")
            let answer = try await exchange(sandbox, assertion(key))
            #expect(answer.status == 200 && answer.json["token_type"]?.string == "Bearer")
            #expect(answer.json["expires_in"] == .integer(3_599))
            let now = Instant.now().seconds
            let wrong: [([String: JSONValue], String)] = [
                (["iss": "somebody@else.iam.gserviceaccount.com"], "invalid_grant"),
                (["iat": .integer(now - 9_000), "exp": .integer(now - 5_400)], "invalid_grant"),
                (["iat": .integer(now + 3_000), "exp": .integer(now + 6_000)], "invalid_grant"),
                (["exp": .integer(now + 7_200)], "invalid_grant"), (["aud": "https://else.example"], "invalid_grant"),
                (["scope": "email"], "invalid_scope"),
            ]
            for (changes, error) in wrong {
                let answer = try await exchange(sandbox, assertion(key, changes))
                #expect(answer.status == 400 && answer.json["error"]?.string == error, "\(changes)")
            }
            for broken in [try assertion(key, [:], "none"), "a.b.c", "", String(try assertion(key).dropLast(4))] {
                #expect(try await exchange(sandbox, broken).json["error"]?.string == "invalid_grant")
            }
        }
    }

    private static func message(_ changes: [String: JSONValue] = [:]) -> JSONValue {
        let usual: [String: JSONValue] = [
            "token": "fGTokenOfAnInstalledApp:APA91b", "notification": ["title": "Clinic", "body": "See you soon."],
            "data": ["message_id": "m-1"], "android": ["priority": "high", "ttl": "3600s"],
        ]
        return ["message": .object(usual.merging(changes) { _, new in new }.filter { $0.value != .null })]
    }

    @Test func takesAMessageAndShowsIt() async throws {
        try await RunningSandbox.with { sandbox in
            let headers = [("Authorization", "Bearer \(try await token(sandbox))")]
            let answer = try #require(await sandbox.call("POST", Self.path, headers: headers, json: Self.message()))
            #expect(answer.status == 200)
            #expect(answer.json["name"]?.string?.hasPrefix("projects/\(FCMAccounts.project)/messages/") == true)
            let items = try await sandbox.messages()
            #expect(items.map { $0["text"]?.string } == ["See you soon."])
            #expect(items.first?["reference"]?.string == "m-1" && items.first?["channel"]?.string == "push")
            guard case .object(var dry) = Self.message() else { return }
            dry["validate_only"] = true
            #expect(await sandbox.call("POST", Self.path, headers: headers, json: .object(dry))?.status == 200)
            #expect(try await sandbox.messages().count == 1)
        }
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var change: [String: JSONValue] = [:]
        let status: Int
        let word: String
        let errorCode: String?
        var testDescription: String { name }
    }

    @Test(arguments: [
        Refusal(
            name: "an app that is gone",
            change: ["token": "unregistered-000000000"],
            status: 404,
            word: "NOT_FOUND",
            errorCode: "UNREGISTERED"
        ),
        Refusal(
            name: "another project's app",
            change: ["token": "othersender-000000000"],
            status: 403,
            word: "PERMISSION_DENIED",
            errorCode: "SENDER_ID_MISMATCH"
        ),
        Refusal(
            name: "no key of Apple's",
            change: ["token": "noapns-00000000000"],
            status: 401,
            word: "UNAUTHENTICATED",
            errorCode: "THIRD_PARTY_AUTH_ERROR"
        ),
        Refusal(
            name: "no token",
            change: ["token": "short"],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: "INVALID_ARGUMENT"
        ),
        Refusal(
            name: "nobody",
            change: ["token": .null],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: "INVALID_ARGUMENT"
        ),
        Refusal(
            name: "two at once",
            change: ["topic": "all"],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: "INVALID_ARGUMENT"
        ),
        Refusal(
            name: "data that is no text",
            change: ["data": ["n": 1]],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: nil
        ),
        Refusal(
            name: "an unknown key",
            change: ["colour": "red"],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: nil
        ),
        Refusal(
            name: "too long",
            change: ["notification": ["body": .string(String(repeating: "x", count: 4_096))]],
            status: 400,
            word: "INVALID_ARGUMENT",
            errorCode: "INVALID_ARGUMENT"
        ),
    ]) func refusesAsTheRealOneDoes(_ refusal: Refusal) async throws {
        try await RunningSandbox.with { sandbox in
            let headers = [("Authorization", "Bearer \(try await token(sandbox))")]
            let answer = try #require(
                await sandbox.call("POST", Self.path, headers: headers, json: Self.message(refusal.change))
            )
            #expect(answer.status == refusal.status && answer.json["error"]?["status"]?.string == refusal.word)
            var code: String?
            if case .array(let details) = answer.json["error"]?["details"] {
                code = details.compactMap { $0["errorCode"]?.string }.first
            }
            #expect(code == refusal.errorCode)
            #expect(try await sandbox.messages().isEmpty)
        }
    }

    @Test func withoutATokenNothingIsTaken() async throws {
        try await RunningSandbox.with { sandbox in
            for header in ["", "Bearer ya29.guessed"] {
                let answer = await sandbox.call(
                    "POST",
                    Self.path,
                    headers: [("Authorization", header)],
                    json: Self.message()
                )
                #expect(answer?.status == 401 && answer?.json["error"]?["status"]?.string == "UNAUTHENTICATED")
            }
            let token = try await token(sandbox)
            let other = "/fcm/v1/projects/another/messages:send"
            let answer = await sandbox.call(
                "POST",
                other,
                headers: [("Authorization", "Bearer \(token)")],
                json: Self.message()
            )
            #expect(answer?.status == 403 && answer?.json["error"]?["status"]?.string == "PERMISSION_DENIED")
        }
    }
}

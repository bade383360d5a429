import Contracts
import Core
import Operator
import Foundation
import LocalServers
import Postgres
import TestKit
import Testing

extension SystemTests {
    /// What must stand nowhere, looked for in everything the suite leaves behind.
    @Suite struct SecrecyTests {
        @Test(.timeLimit(.minutes(3))) func secretsStandNowhereInTheClear() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            // Shown once and used, so that they have passed through every room.
            let token = "secret-token-\(RequestID())"
            let body = "body-\(RequestID())"
            let clinic = suite.demo.secondClinic
            let other = try await suite.api.signedIn(clinic.admin, clinic: clinic.clinicId)
            let path = "/clinics/\(clinic.clinicId)/communication/config"
            // Another test may have configured it before.
            let isThere = try await other.send("GET", path).status == 200
            try await other.expect(
                200,
                201,
                from: "PUT",
                path,
                [
                    "email": [
                        "primary": [
                            "provider": "zeptomail",
                            "credentials": [
                                "sendMailToken": .string(token), "fromEmail": "hello@second.example",
                                "fromName": "Second", "endpoint": .string(suite.demo.sandbox.url + "/zeptomail"),
                            ],
                        ]
                    ]
                ],
                headers: [isThere ? "If-Match" : "If-None-Match": "*"]
            )
            let sent = try await other.expect(
                202,
                from: "POST",
                "/communication/messages",
                [
                    "to": ["email": "someone@example.org"], "channels": ["email"],
                    "content": ["subject": "Hello", "text": .string(body)],
                ]
            )
            let id = try sent.json.text("id")
            try await eventually("the message has ended", within: .seconds(60)) {
                let message = try await other.expect(200, from: "GET", "/communication/messages/\(id)").json
                return ["sent", "failed", "unknown"].contains(message["status"]?.string)
            }
            let invited = try await Self.comesInWithACode(suite, other, clinic.clinicId)
            // What is in memory only is written down first, so that looking at the files shows all of it.
            try Migrator.execute("checkpoint", url: suite.adminURL)
            // The search finds what is no secret: in tables, and in the streams' file.
            let open = try await suite.filesHolding(suite.demo.clinicSlug, under: ["postgres"])
            #expect(open.isEmpty == false)
            #expect(try await !suite.filesHolding("requests", under: ["redis"]).isEmpty)
            let secrets = [
                token, body, "system-test-token", "sandbox-smtp-password", suite.demo.admin.password,
                suite.demo.patient.password, admin.token ?? "", invited.token, "Your code is \(invited.code)",
                "\"\(invited.code)\"",
            ]
            for secret in secrets where !secret.isEmpty {
                let found = try await suite.filesHolding(secret)
                #expect(found == [], "\(secret.prefix(12))…")
                #expect(ProcFS.argumentsHolding(secret) == [])
            }
            // Health data is the services' own; it leaves their tables sealed only.
            let patient = suite.demo.patient.email
            for address in [patient, invited.email] {
                let places = ["redis", "home/logs", "redis.log", "dev.log"]
                #expect(try await suite.filesHolding(address, under: places) == [])
            }
        }

        /// Somebody accepts an invitation that came by e-mail, and signs in with a code.
        private static func comesInWithACode(
            _ suite: RunningSuite,
            _ admin: Client,
            _ clinic: String
        ) async throws -> (email: String, token: String, code: String) {
            let email = "secret-\(RequestID())@second.example"
            try await admin.expect(
                201,
                from: "POST",
                "/clinics/\(clinic)/users",
                ["email": .string(email), "name": "Somebody", "roles": [["role": "PATIENT"]]]
            )
            let text = try await suite.mail(to: email, saying: "/invitation#")
            let token = text.split(separator: "/invitation#").last.map { $0.prefix { !$0.isWhitespace } } ?? ""
            try #require(token.count > 20)
            try await suite.api.expect(
                200,
                from: "POST",
                "/auth/invitations/accept",
                ["token": .string(String(token)), "password": "a long enough password"]
            )
            let address: JSONValue = ["clinicId": .string(clinic), "email": .string(email)]
            try await suite.api.expect(202, from: "POST", "/auth/otp/request", address)
            let code = try await suite.code(to: email)
            try await suite.api.expect(
                200,
                from: "POST",
                "/auth/otp/verify",
                ["clinicId": .string(clinic), "email": .string(email), "code": .string(code)]
            )
            return (email, String(token), code)
        }
    }
}

extension RunningSuite {
    /// Files of the suite in which a text stands, but for those that hold what the operator is told.
    func filesHolding(
        _ text: String,
        under parts: [String] = ["postgres", "redis", "home", "postgres.log", "redis.log", "dev.log"]
    )
        async throws -> [String]
    {
        let folder = URL(fileURLWithPath: home).deletingLastPathComponent().path
        let paths = parts.map { "\(folder)/\($0)" }.filter { FileManager.default.fileExists(atPath: $0) }
        let output = "\(folder)/found-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: output) }
        // The text comes through the environment: as an argument it would be found in the search itself.
        let search = try ChildProcess(
            ChildProcess.Command(
                "sh",
                ["-c", "printf %s \"$SOUGHT\" | grep -raFl -f - \"$@\"; [ $? -le 1 ]", "sh"] + paths,
                environment: ["PATH": "/usr/bin:/bin", "SOUGHT": text],
                output: output
            )
        )
        guard case .code(0) = await search.ended() else { throw TestKitError("the search failed") }
        let allowed = ["home/demo.json", "home/accounts.json"].map { "\(folder)/\($0)" }
        return String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
            .split(separator: "\n").map(String.init).filter { !allowed.contains($0) }
    }
}

extension ProcFS {
    /// Programs that have the text among their arguments.
    static func argumentsHolding(_ text: String) -> [String] {
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int32($0) } ?? []
        return pids.filter { arguments($0)?.contains(text) ?? false }.compactMap { program($0) }
    }
}

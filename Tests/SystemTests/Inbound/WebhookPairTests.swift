import Contracts
import Core
import Glibc
import Operator
import TestKit
import Testing

extension SystemTests {
    /// A provider's webhooks reach the clinic that has the provider, at once and through every gateway; all others end there.
    @Suite struct WebhookPairTests {
        private static let smtp: JSONValue = [
            "email": [
                "primary": [
                    "provider": "smtp",
                    "credentials": [
                        "host": "127.0.0.1", "port": 9, "security": "none", "fromEmail": "clinic@example.com",
                        "fromName": "Clinic", "verifyToken": .string(LargeMail.token),
                    ],
                ]
            ]
        ]

        /// A webhook whose body is announced and never sent: it is answered by who needs none of it.
        private func announced(_ provider: String, _ owner: String, at base: String) async throws -> Int {
            try await RawHTTP.status(
                of: "POST",
                "/api/v1/webhooks/communication/\(provider)/\(owner)",
                at: base,
                headers: ["Content-Type: message/rfc822", "Content-Length: 100000"]
            )
        }

        private func mailed(_ owner: String, at base: String) async throws -> Int {
            try await LargeMail().post(to: "\(base)/api/v1/webhooks/communication/smtp/\(owner)")
        }

        @Test(.timeLimit(.minutes(4))) func itIsTakenFromTheAnswerOfTheConfigurationOn() async throws {
            let suite = try await RunningSuite.shared.value
            let gateways = [suite.demo.baseURL, try await suite.startReplica("gateway")]
            defer { suite.stopReplicas() }
            for _ in 0..<3 {
                let (admin, clinic) = try await suite.makeClinic()
                for gateway in gateways {
                    try await eventually("\(gateway) knows the clinic", within: .seconds(30)) {
                        // A gateway that has just started may not listen yet.
                        (try? await announced("smtp", clinic, at: gateway)) == 401
                    }
                }
                _ = try await suite.configure(clinic, Self.smtp, by: admin)
                for gateway in gateways {
                    #expect(try await mailed(clinic, at: gateway) == 200)
                    #expect(try await announced("resend", clinic, at: gateway) == 401)
                    #expect(try await announced("nobody", clinic, at: gateway) == 404)
                }
                let path = "/clinics/\(clinic)/communication/config"
                try await admin.expect(204, from: "DELETE", path, headers: ["If-Match": "*"])
                // What was sent before may still be told of, unless that is not wanted.
                for gateway in gateways { #expect(try await mailed(clinic, at: gateway) == 200) }
                try await admin.expect(204, from: "DELETE", "\(path)/former-secrets", headers: ["If-Match": "*"])
                for gateway in gateways { #expect(try await mailed(clinic, at: gateway) == 401) }
            }
        }

        @Test(.timeLimit(.minutes(4))) func noneIsLostOverAProcessThatIsAway() async throws {
            let suite = try await RunningSuite.shared.value
            let (base, admin) = (suite.demo.baseURL, try await suite.admin())
            let (_, clinic, _) = try await suite.openClinicForMail()
            let (_, bare) = try await suite.makeClinic()
            #expect(try await mailed(clinic, at: base) == 200)
            try await suite.killProcess("gateway")
            try await suite.answersAgain(admin)
            #expect(try await announced("smtp", bare, at: base) == 401)
            #expect(try await announced("resend", clinic, at: base) == 401)
            let communication = try #require(suite.pid("communication"))
            kill(communication, SIGSTOP)
            defer { kill(communication, SIGCONT) }
            async let status = mailed(clinic, at: base)
            try await suite.withRedis { redis in
                let ledger = Ledger(suite: suite)
                try await eventually("the webhook waits for communication") {
                    try await ledger.unread(redis).contains { $0.contains("{rpc:communication}:requests") }
                }
            }
            for (provider, refusal) in [("stripe", 401), ("nobody", 404)] {
                let answer = try await suite.api.send(
                    "POST",
                    "/webhooks/billing/\(provider)/\(bare)",
                    raw: [0x7B, 0x7D]
                )
                #expect(answer.status == refusal, "\(provider): \(answer.text)")
            }
            kill(communication, SIGCONT)
            #expect(try await status == 200)
        }
    }
}

import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// Providers' webhooks on their whole way: from the sandbox through the gateway to the message.
    @Suite struct ProviderWebhookTests {
        private struct Provider: Sendable {
            let name: String
            let credentials: [String: JSONValue]
            /// What the sandbox signs with.
            let secret: String
        }

        private static let topic = "arn:aws:sns:eu-west-1:123456789012:system"
        private static let secret = "whsec_c3lzdGVtLXRlc3Qtc2VjcmV0LTAwMDE="

        private func providers(_ suite: RunningSuite) async throws -> [Provider] {
            let key = try await suite.sandbox.expect(
                200,
                from: "GET",
                "/sendgrid/v3/user/webhooks/event/settings/signed",
                headers: ["Authorization": "Bearer SG.system-key"]
            ).json.text("public_key")
            return [
                Provider(
                    name: "aws_ses",
                    credentials: [
                        "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "region": "eu-west-1",
                        "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                        "eventTopicArn": .string(Self.topic),
                    ],
                    secret: Self.topic
                ),
                Provider(
                    name: "sendgrid",
                    credentials: ["apiKey": "SG.system-key", "webhookPublicKey": .string(key)],
                    secret: "sendgrid-sandbox-seed"
                ),
                Provider(
                    name: "resend",
                    credentials: ["apiKey": "re_system_key", "webhookSecret": .string(Self.secret)],
                    secret: Self.secret
                ),
            ]
        }

        @Test(.timeLimit(.minutes(5))) func whatProvidersTellReachesTheMessage() async throws {
            let suite = try await RunningSuite.shared.value
            let clinic = suite.demo.secondClinic
            let admin = try await suite.api.signedIn(clinic.admin, clinic: clinic.clinicId)
            let path = "/clinics/\(clinic.clinicId)/communication/config"
            let before = try await admin.send("GET", path)
            for provider in try await providers(suite) {
                try await configure(provider, suite, admin)
                for (name, status, reason) in [
                    ("hook", "delivered", nil), ("bounce", "failed", "hard_bounce"), ("dropped", "failed", "dropped"),
                ] as [(String, JSONValue, String?)] {
                    let sent = try await admin.expect(
                        202,
                        from: "POST",
                        "/communication/messages",
                        [
                            "to": ["email": .string("\(name).\(provider.name)@example.org")], "channels": ["email"],
                            "content": ["subject": "Hello", "text": "See you soon."],
                        ]
                    )
                    let id = try sent.json.text("id")
                    try await eventually("\(provider.name) told of \(name)", within: .seconds(60)) {
                        let message = try await admin.expect(200, from: "GET", "/communication/messages/\(id)").json
                        return message["status"] == status && message["reason"]?["code"]?.string == reason
                    }
                }
            }
            // The clinic is other tests' as well.
            if case .integer(let version) = before.json["version"] {
                let restore = "\(path)/versions/\(version)/restore"
                try await admin.expect(200, from: "POST", restore, headers: ["If-Match": "*"])
            } else {
                try await admin.expect(204, from: "DELETE", path, headers: ["If-Match": "*"])
            }
        }

        /// Puts the provider in force and tells the sandbox where its webhooks go.
        private func configure(_ provider: Provider, _ suite: RunningSuite, _ admin: Client) async throws {
            let path = "/clinics/\(suite.demo.secondClinic.clinicId)/communication/config"
            let credentials = provider.credentials.merging([
                "fromEmail": "hello@second.example", "fromName": "Second",
                "endpoint": .string("\(suite.demo.sandbox.url)/\(provider.name)"),
            ]) { _, new in new }
            let present = try await admin.send("GET", path)
            let tag = present.status == 200 ? "If-Match" : "If-None-Match"
            let shown = try await admin.expect(
                200,
                201,
                from: "PUT",
                path,
                ["email": ["primary": ["provider": .string(provider.name), "credentials": .object(credentials)]]],
                headers: [tag: "*"]
            ).json
            let url = try shown["email"]?["primary"]?.text("webhookUrl") ?? ""
            #expect(
                url.hasSuffix("/api/v1/webhooks/communication/\(provider.name)/\(suite.demo.secondClinic.clinicId)")
            )
            try await suite.sandbox.expect(204, from: "DELETE", "/webhooks/\(provider.name)")
            try await suite.sandbox.expect(
                200,
                from: "PUT",
                "/webhooks/\(provider.name)",
                ["url": .string(url), "secret": .string(provider.secret)]
            )
            try await eventually("the subscription is confirmed") {
                let listed = try await suite.sandbox.expect(200, from: "GET", "/webhooks/\(provider.name)").json
                guard case .array(let items) = listed["items"] else { return false }
                return items.contains { $0["confirmed"] == .bool(true) }
            }
        }
    }
}

import Contracts
import Core

extension DemoStory {
    private var configPath: String { "/clinics/\(demo.clinicId)/communication/config" }
    private var healthPath: String { "/clinics/\(demo.clinicId)/communication/health" }

    /// The clinic brings its own providers: e-mail with a fallback, and payments.
    func configure() async throws {
        chapter("A clinic admin configures e-mail and payments")
        let admin = try await person(demo.admin)
        try await sandbox.expect(200, 201, 204, from: "PUT", "/faults/zeptomail", ["kind": "down"])
        let token = "demo-send-mail-token-\(RequestID())"
        let mail = try await put(configPath, mailConfig(token: token), by: admin)
        try check(!mail.text.contains(token), "the send-mail token came back in the clear")
        let shown = mail["email"]?["primary"]?["credentials"]?["sendMailToken"]?.string ?? ""
        try check(shown.hasPrefix("••••"), "the token is not shown masked")
        say("e-mail: ZeptoMail first, SMTP behind it; the token is shown as \(shown)")

        let billing = try await put("/billing/config", paymentsConfig, by: admin)
        let entry = billing["primary"]
        try check(
            entry?["credentials"]?["secretKey"]?.string?.hasPrefix("••••") == true,
            "the Stripe key is not masked"
        )
        let webhook = entry?["webhookUrl"]?.string ?? ""
        try check(
            webhook.hasSuffix("/api/v1/webhooks/billing/stripe/\(demo.clinicId)"),
            "the webhook address is \(webhook)"
        )
        try await sandbox.expect(200, 201, from: "PUT", "/webhooks/stripe", ["url": .string(webhook)])
        say("payments: Stripe, with its webhook at \(webhook)")
    }

    private func mailConfig(token: String) -> JSONValue {
        [
            "email": [
                "primary": [
                    "provider": "zeptomail",
                    "credentials": [
                        "sendMailToken": .string(token), "fromEmail": "hello@sunrise.example",
                        "fromName": "Sunrise Clinic",
                        "endpoint": .string(demo.sandbox.url + "/zeptomail"),
                    ],
                ],
                "fallback": [
                    [
                        "provider": "smtp",
                        "credentials": [
                            "host": .string(demo.sandbox.smtpHost), "port": .integer(Int64(demo.sandbox.smtpPort)),
                            "security": "none", "username": "sunrise", "password": "sandbox-smtp-password",
                            "fromEmail": "hello@sunrise.example", "fromName": "Sunrise Clinic",
                        ],
                    ]
                ],
            ]
        ]
    }

    private var paymentsConfig: JSONValue {
        [
            "primary": [
                "provider": "stripe",
                "credentials": [
                    "secretKey": "sk_test_sandbox", "publishableKey": "pk_test_sandbox",
                    "webhookSecret": "whsec_sandbox",
                    "endpoint": .string(demo.sandbox.url + "/stripe"),
                ],
            ]
        ]
    }

    /// One message: the first provider is down, the second takes it, and it arrives once.
    ///
    /// Returns its id.
    func reachAPatient() async throws -> String {
        chapter("A message falls over to the second provider")
        let admin = try await person(demo.admin)
        let (id, subject) = try await send(by: admin)
        let message = try await ended(id, by: admin)
        let attempts = message["attempts"]?.elements ?? []
        try check(attempts.map { $0["provider"]?.string } == ["zeptomail", "smtp"], "the attempts are \(attempts)")
        try check(attempts.map { $0["outcome"]?.string } == ["transient", "accepted"], "the outcomes are \(attempts)")
        say(
            "ZeptoMail: \(attempts[0]["detail"]?.string ?? "transient"); SMTP: accepted; status \(try message.text("status"))"
        )
        try await arrivedOnce(subject)
        say("it stands in the sandbox's inbox once")
        return id
    }

    /// After five failures in a row the first provider is passed over; when it answers again it is used again.
    func openAndCloseTheCircuit() async throws {
        chapter("The circuit opens, and closes again")
        let admin = try await person(demo.admin)
        for _ in 0..<4 { _ = try await ended(try await send(by: admin).id, by: admin) }
        let skipped = try await ended(try await send(by: admin).id, by: admin)
        let outcomes = (skipped["attempts"]?.elements ?? []).compactMap { $0["outcome"]?.string }
        try check(outcomes == ["skipped_circuit_open", "accepted"], "the outcomes are \(outcomes)")
        say("after five failures in a row ZeptoMail is passed over: \(outcomes.joined(separator: ", "))")
        try await eventually(within: .seconds(10)) { try await self.expectState("open", by: admin) }
        say("…/communication/health says open, and when it will be tried again")

        try await sandbox.expect(200, 204, from: "DELETE", "/faults/zeptomail")
        say("ZeptoMail answers again; waiting for the open time to pass (30 s and some jitter)")
        try await eventually(within: .seconds(120), every: .seconds(2)) {
            let probe = try await self.ended(try await self.send(by: admin).id, by: admin)
            let used = (probe["attempts"]?.elements ?? []).contains {
                $0["provider"]?.string == "zeptomail" && $0["outcome"]?.string == "accepted"
            }
            try self.check(used, "ZeptoMail is still passed over")
        }
        try await eventually(within: .seconds(10)) { try await self.expectState("closed", by: admin) }
        say("the next message after it went through ZeptoMail and closed the circuit")
    }

    private func send(by client: APIClient) async throws -> (id: String, subject: String) {
        let subject = "Your visit \(RequestID())"
        let answer = try await client.expect(
            202,
            from: "POST",
            "/communication/messages",
            [
                "to": ["email": "patient@example.org"], "channels": ["email"],
                "content": ["subject": .string(subject), "text": "We look forward to seeing you."],
            ]
        )
        return (try answer.json.text("id"), subject)
    }

    /// The message once it is neither queued nor being sent.
    private func ended(_ id: String, by client: APIClient) async throws -> JSONValue {
        try await eventually(within: .seconds(30), every: .milliseconds(50)) {
            let message = try await client.get("/communication/messages/\(id)").json
            let status = try message.text("status")
            try self.check(status != "queued" && status != "sending", "message \(id) is still \(status)")
            return message
        }
    }

    private func arrivedOnce(_ subject: String) async throws {
        let inbox = try await sandbox.get("/messages").items
        let count = inbox.count { $0["subject"]?.string == subject }
        try check(count == 1, "the message arrived \(count) times")
    }

    private func expectState(_ state: String, by client: APIClient) async throws {
        let entries = try await client.get(healthPath).items
        let found = entries.first { $0["provider"]?.string == "zeptomail" }?["state"]?.string
        try check(found == state, "health says \(found ?? "nothing"), not \(state)")
    }
}

extension APIClient.Answer {
    var items: [JSONValue] { json.items.isEmpty ? json.elements : json.items }
}

import Contracts
import TestKit
import Testing

@testable import Sandbox

/// What the sandbox's providers tell of messages: by itself, and when somebody says so.
@Suite(.timeLimit(.minutes(1))) struct MailEventTests {
    @Test(arguments: [
        ("asha@example.org", [MailEvent.delivered]), ("Bounce.1@example.org", [.hardBounce]),
        ("softbounce@example.org", [.softBounce]), ("dropped@example.org", [.dropped]),
        ("complaint@example.org", [.delivered, .complaint]), ("silent@example.org", []),
    ]) func theAddressSaysWhatBecomesOfAMessage(address: String, events: [MailEvent]) {
        #expect(MailEvent.usual(for: address) == events)
    }

    @Test func itIsToldOnDemandToo() async throws {
        try await RunningSandbox.with { sandbox in
            let sent = await sandbox.call(
                "POST",
                "/resend/emails",
                headers: [("Authorization", "Bearer re_key_0001"), ("User-Agent", "test")],
                json: ["from": "a@clinic.example", "to": ["silent@example.org"], "subject": "Hello", "text": "Hi"]
            )
            let id = try #require(sent?.json["id"])
            for kind in MailEvent.allCases {
                let told = await sandbox.call(
                    "POST",
                    "/webhooks/resend/events",
                    json: ["message": id, "kind": .string(kind.rawValue)]
                )
                // Resend knows nothing of who unsubscribes.
                #expect(told?.status == (kind == .unsubscribe ? 409 : 200), "\(kind)")
            }
            let listed = await sandbox.call("GET", "/webhooks/resend/events")
            guard case .array(let items) = listed?.json["items"] else { throw TestKitError("no events") }
            #expect(items.count == MailEvent.allCases.count - 1)
            #expect(items.contains { $0["type"] == "email.complained" })
            for (body, status) in [
                (["message": "unknown", "kind": "delivered"], 404), (["message": id, "kind": "another"], 422),
                (["kind": "delivered"], 422),
            ] as [(JSONValue, Int)] {
                #expect(await sandbox.call("POST", "/webhooks/resend/events", json: body)?.status == status)
            }
        }
    }
}

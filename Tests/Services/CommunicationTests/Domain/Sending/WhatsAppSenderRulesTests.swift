import CommunicationAPI
import Contracts
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct WhatsAppSenderRulesTests {
    @Test(
        arguments: [
            ("GREEN", "VERIFIED", "APPROVED", "CONNECTED", [.passed, .passed]),
            ("YELLOW", "VERIFIED", "AVAILABLE_WITHOUT_REVIEW", "CONNECTED", [.passed, .failed]),
            ("RED", "EXPIRED", "APPROVED", "CONNECTED", [.failed, .failed]),
            ("UNKNOWN", "VERIFIED", "DECLINED", "CONNECTED", [.failed, .unknown]),
            ("NA", "VERIFIED", "APPROVED", "FLAGGED", [.failed, .unknown]),
        ] as [(String, String, String, String, [SenderFinding.State])]
    ) func whatANumberSaysOfItself(
        quality: String,
        code: String,
        name: String,
        status: String,
        states: [SenderFinding.State]
    ) {
        let findings = WhatsAppSenderRules.number([
            "quality_rating": .string(quality), "code_verification_status": .string(code),
            "name_status": .string(name), "status": .string(status), "verified_name": "Lindenhof",
        ])
        #expect(findings.map(\.aspect) == [.number, .quality] && findings.map(\.state) == states)
        #expect(!findings.contains { $0.detail.contains("Lindenhof") })
    }

    @Test func templatesAreAllApprovedOrNamed() {
        #expect(WhatsAppSenderRules.templates(nil).state == .unknown)
        #expect(WhatsAppSenderRules.templates([]).state == .failed)
        #expect(WhatsAppSenderRules.templates([("a", "APPROVED"), ("b", "approved")]).state == .passed)
        let some = WhatsAppSenderRules.templates([("a", "APPROVED")] + (0..<7).map { ("t\($0)", "REJECTED") })
        #expect(
            some.state == .failed && some.detail.contains("7 of 8") && some.detail.contains("t4 (rejected) and 2 more")
        )
    }

    @Test func aTestAsksTheProvider() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            var meta = ProviderDraft.meta(sandbox.url("meta"))
            meta.credentials["businessAccountId"] = "102290129340399"
            let twilio = ProviderDraft(
                provider: "twilio",
                credentials: [
                    "accountSid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "authToken": "twilio-sandbox-token",
                    "whatsappNumber": "+14155238886", "endpoint": .string(sandbox.url("twilio")),
                ]
            )
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    whatsapp: ChannelDraft(primary: meta, fallback: [twilio])
                )
            )
            let answer = try await clinic.ask(
                MessageDesk.endpoints.configuration.test,
                ConfigurationTest(clinicId: clinic.clinic)
            )
            let results = answer.output?.results ?? []
            #expect(results.map(\.ok) == [true, true])
            #expect(results.first?.sender?.map(\.aspect) == [.number, .quality, .templates])
            #expect(results.first?.sender?.map(\.state) == [.passed, .passed, .failed])
            #expect(results.last?.sender?.map(\.state) == [.failed])
            #expect(results.allSatisfy { $0.sender?.last?.detail.contains("spring_offer (rejected)") == true })
        }
    }
}

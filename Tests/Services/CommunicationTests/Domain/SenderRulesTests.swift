import CommunicationAPI
import Core
import Testing

@testable import Communication

/// What records say of a domain that mail is sent from.
@Suite struct SenderRulesTests {
    @Test(arguments: [
        (["v=spf1 include:amazonses.com -all"], SenderFinding.State.passed), (["V=SPF1 ~all", "other=1"], .passed),
        (["v=spf1"], .passed), ([], .failed), (["v=spf10 -all"], .failed), (["v=spf1 +all"], .failed),
        (["v=spf1 mx all"], .failed), (["v=spf1 -all", "v=spf1 mx -all"], .failed), (["spf2.0/pra"], .failed),
    ]) func theSenderPolicy(texts: [String], state: SenderFinding.State) {
        #expect(SenderRules.spf(texts).state == state)
        #expect(SenderRules.spf(texts).aspect == .spf)
    }

    @Test(arguments: [
        (["v=DKIM1; k=rsa; p=MIGf"], SenderFinding.State.passed as SenderFinding.State?),
        (["k=rsa;p=MIGf MA0G"], .passed),
        (["v=DKIM1; p="], .failed), (["v=DKIM2; p=MIGf"], nil), (["v=spf1 -all"], nil), ([], nil),
    ]) func theSigningKey(texts: [String], state: SenderFinding.State?) {
        #expect(SenderRules.dkim(texts)?.state == state)
    }

    @Test(arguments: [
        (["v=DMARC1; p=reject; rua=mailto:a@example.com"], SenderFinding.State.passed as SenderFinding.State?),
        (["v=DMARC1;p=none"], .passed), (["v=DMARC1; p=quarantine", "other"], .passed), (["v=DMARC1"], .failed),
        (["v=DMARC1; p=perhaps"], .failed), (["v=DMARC1; p=none", "v=DMARC1; p=reject"], .failed),
        (["v=DMARC2; p=none"], nil), ([], nil),
    ]) func thePolicy(texts: [String], state: SenderFinding.State?) {
        #expect(SenderRules.dmarc(texts)?.state == state)
    }

    @Test func aDomainsPolicyMayStandAboveIt() {
        #expect(
            SenderRules.policyDomains("mail.clinic.example") == ["_dmarc.mail.clinic.example", "_dmarc.clinic.example"]
        )
        #expect(SenderRules.policyDomains("localhost").isEmpty)
    }
}

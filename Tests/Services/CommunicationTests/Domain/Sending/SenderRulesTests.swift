import CommunicationAPI
import Core
import Testing

@testable import Communication

/// What records say of a domain that mail is sent from.
@Suite struct SenderRulesTests {
    @Test(
        arguments: [
            (["v=spf1 include:post.example -all"], SenderFinding.State.passed),
            (["V=SPF1 mx +include:eu.Post.example ~all", "other=1"], .passed),
            (["v=spf1 redirect=post.example"], .passed),
            (["v=spf1 redirect=post.example mx ~all"], .unknown), (["v=spf1 include:another.example -all"], .unknown),
            (["v=spf1 include:compost.example ~all"], .unknown), (["v=spf1 a:post.example -all"], .unknown),
            (["v=spf1 ip4:192.0.2.0/24 -all include:post.example"], .unknown),
            (["v=spf1 mx -include:post.example ~all"], .unknown), ([], .failed), (["v=spf10 -all"], .failed),
            (["v=spf1 +all"], .failed), (["v=spf1 mx all"], .failed), (["v=spf1 include:post.example +all"], .failed),
            (["v=spf1 -all", "v=spf1 include:post.example -all"], .failed), (["spf2.0/pra"], .failed),
        ] as [([String], SenderFinding.State)]
    ) func theSenderPolicy(texts: [String], state: SenderFinding.State) {
        let found = SenderRules.spf(texts, by: ReturnPath(includes: ["post.example"]))
        #expect(found.state == state && found.aspect == .spf)
    }

    /// A record that lets nobody send is about mails that come back to its domain.
    @Test(arguments: [
        "v=spf1 -all", "v=spf1", "v=spf1 ~all", "v=spf1 ?all", "v=spf1 -mx ~include:post.example -all",
        "v=spf1 exp=why.clinic.example -all", "v=spf1 -all include:post.example",
        "v=spf1 redirect=post.example -all",
    ]) func aPolicyThatLetsNobodySend(text: String) {
        let own = SenderRules.spf([text], by: nil)
        #expect(own.state == .failed && own.detail == "The SPF record lets nobody send.")
        let path = SenderRules.spf([text], by: ReturnPath(includes: ["post.example"]))
        #expect(path.state == .unknown && path.detail.hasPrefix(own.detail))
    }

    /// Which servers a clinic's own mail server is cannot be told.
    @Test(arguments: [
        ("v=spf1 mx -all", SenderFinding.State.unknown), ("v=spf1 a", .unknown),
        ("v=spf1 ip6:2001:db8::/32 ~all", .unknown),
        ("v=spf1 redirect=another.example", .unknown), ("v=spf1 exists:%{i}.clinic.example -all", .unknown),
    ]) func aPolicyOfWhichNoMoreIsKnown(text: String, state: SenderFinding.State) {
        for path in [nil, ReturnPath()] { #expect(SenderRules.spf([text], by: path).state == state) }
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

import CommunicationAPI
import Contracts
import Core
import FoundationEssentials
import LocalServers
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// What `config/test` finds about a sender's domain, asked of a name server that others have written.
@Suite(.enabled(if: NameServer.isInstalled, "dnsmasq is not installed"), .timeLimit(.minutes(1)))
struct SenderRecordsTests {
    /// Names and their texts; a text of several strings is as long as a key.
    private static let records: [(String, String)] = [
        ("good.example", "v=spf1 include:sendgrid.net -all"), ("good.example", "other=1"),
        ("s2._domainkey.good.example", "v=DKIM1; k=rsa; p=\(String(repeating: "A", count: 200)),\(key)"),
        ("_dmarc.good.example", "v=DMARC1; p=reject"), ("part.good.example", "v=spf1 mx -all"),
        ("wide.example", "v=spf1 +all"), ("s1._domainkey.wide.example", "v=DKIM1; p="),
        ("_dmarc.wide.example", "v=DMARC1; p=perhaps"), ("twice.example", "v=spf1 -all"),
        ("twice.example", "v=spf1 mx -all"), ("send.part.good.example", "v=spf1 include:amazonses.com ~all"),
        ("closed.example", "v=spf1 -all"),
    ]
    private static let key = String(repeating: "B", count: 190)

    private func entry(_ provider: String, _ address: String) -> ProviderEntry {
        ProviderEntry(
            id: ProviderEntryID(),
            channel: "email",
            provider: provider,
            position: 0,
            credentials: Credentials(["fromEmail": .string(address)]),
            version: 1,
            updatedAt: .now(),
            updatedBy: "test",
            fingerprint: "none",
            formerSecrets: []
        )
    }

    private func states(_ provider: String, _ address: String, at server: NameServer) async
        -> [SenderFinding.Aspect: SenderFinding.State]
    {
        let checks = SenderChecks(records: server.records, providers: .builtIn)
        let found = await checks.findings(of: entry(provider, address), nil, deadline: .after(.seconds(20)))
        return Dictionary((found ?? []).map { ($0.aspect, $0.state) }) { first, _ in first }
    }

    @Test func theDomainsOwnRecordsDecide() async throws {
        try await NameServer.with(Self.records) { server in
            #expect(
                await states("sendgrid", "a@good.example", at: server)
                    == [.spf: .passed, .dkim: .passed, .dmarc: .passed]
            )
            // A part of a domain has keys and senders of its own, and its policy.
            #expect(
                await states("sendgrid", "a@part.good.example", at: server)
                    == [.spf: .unknown, .dkim: .failed, .dmarc: .passed]
            )
            // Where bounces go below the domain, the record is there.
            #expect(await states("resend", "a@part.good.example", at: server)[.spf] == .passed)
            #expect(await states("resend", "a@good.example", at: server)[.spf] == .unknown)
            // A domain from which nobody may send: mails that come back to another one are not held against it.
            #expect(await states("smtp", "a@closed.example", at: server)[.spf] == .failed)
            for provider in ["aws_ses", "sendgrid", "resend", "zeptomail"] {
                #expect(await states(provider, "a@closed.example", at: server)[.spf] == .unknown)
            }
            #expect(
                await states("sendgrid", "a@wide.example", at: server)
                    == [.spf: .failed, .dkim: .failed, .dmarc: .failed]
            )
            #expect(
                await states("sendgrid", "a@twice.example", at: server)
                    == [.spf: .failed, .dkim: .failed, .dmarc: .failed]
            )
            #expect(
                await states("resend", "a@nothing.example", at: server)
                    == [.spf: .failed, .dkim: .failed, .dmarc: .failed]
            )
            // Where a server of the clinic's keeps its keys nobody else knows.
            #expect(await states("smtp", "a@good.example", at: server)[.dkim] == .unknown)
        }
    }

    @Test func withoutANameServerNobodyIsBlamed() async throws {
        let checks = SenderChecks(records: TextRecords(host: "127.0.0.1", port: 9), providers: .builtIn)
        let found = await checks.findings(of: entry("sendgrid", "a@good.example"), nil, deadline: .after(.seconds(1)))
        #expect(found?.map(\.state) == [.unknown, .unknown, .unknown])
    }
}

/// dnsmasq with records of the test's own, at a port of its own; it knows no other names and asks nobody.
struct NameServer {
    private static let program = ["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
    static var isInstalled: Bool { program != nil }

    let records: TextRecords

    static func with(_ records: [(String, String)], _ body: (NameServer) async throws -> Void) async throws {
        guard let program else { throw TestKitError("dnsmasq is not installed") }
        let port = try Ports.free()
        let process = try ChildProcess(
            ChildProcess.Command(
                program,
                [
                    "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--local=/example/",
                    "--listen-address=127.0.0.1", "--bind-interfaces", "--port=\(port)", "--user=", "--pid-file=",
                ] + records.map { "--txt-record=\($0),\($1)" },
                environment: ["PATH": "/usr/sbin:/usr/bin:/bin"]
            )
        )
        defer { process.stop() }
        let server = NameServer(records: TextRecords(host: "127.0.0.1", port: port))
        try await eventually("the name server answers") {
            (try? await server.records.texts(of: "good.example", deadline: .after(.seconds(2)))) != nil
        }
        try await body(server)
    }
}

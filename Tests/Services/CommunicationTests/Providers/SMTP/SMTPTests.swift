import CommunicationAPI
import Contracts
import Core
import Crypto
import FoundationEssentials
import Outbound
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// The mail that a mail server is handed, to the byte, and what Python's `email` package reads in it.
@Suite struct SMTPTests {
    private static let file = "mail_outgoing.json"

    private func mail() throws -> [UInt8] {
        let credentials = ProviderSamples.credentials(["host": "mail.example", "port": 587, "security": "starttls"])
        let provider = try #require(SMTPProvider(credentials, through: ProviderSamples.transports()))
        var email = try ProviderSamples.emailWithFiles()
        email.unsubscribeLink = "https://clinic.example/api/v1/public/unsubscribe/t0"
        return try provider.writing(email).bytes()
    }

    @Test func theMailToTheByte() throws {
        try Golden.check(String(decoding: try mail(), as: UTF8.self), "providers/smtp.eml")
    }

    @Test func pythonReadsWhatWasMeant() throws {
        let read = try ProviderSamples.recorded(Self.file)
        try #require(
            read["sha256"]?.string == Array(SHA256.hash(data: try mail())).hex,
            "another mail was read: record it anew with `make vectors`"
        )
        #expect(read["defects"] == .array([]))
        #expect(read["subject"]?.string == "Ihr Termin – नमस्ते")
        #expect(read["from"] == ["name": "Klinik \"Süd\", Ost", "address": "clinic@example.com"])
        #expect(read["to"]?["address"]?.string == "asha@example.com")
        #expect(read["replyTo"]?["address"]?.string == "desk@example.com")
        #expect(read["text"]?.string == "Bis bald.\n\"Süd\" \\ 😀\n")
        #expect(read["html"]?.string == "<p>Bis bald.</p>\n")
        #expect(read["date"]?.string == "2026-10-21T07:00:00+00:00")
        #expect(read["headers"]?["Message-ID"]?.string == "<01920000-0000-7000-8000-000000000001@example.com>")
        #expect(read["headers"]?["Auto-Submitted"]?.string == "auto-generated")
        #expect(read["headers"]?["List-Unsubscribe-Post"]?.string == "List-Unsubscribe=One-Click")
        for (name, text) in ProviderSamples.headers { #expect(read["headers"]?[name]?.string == text) }
        let files = try ProviderSamples.emailWithFiles().attachments
        let wanted = files.map { attachment -> JSONValue in
            [
                "name": .string(attachment.file.filename), "type": .string(attachment.file.contentType),
                "id": attachment.file.contentID.map { .string("<\($0)>") } ?? .null,
                "sha256": .string(Array(SHA256.hash(data: attachment.bytes)).hex),
            ]
        }
        guard case .array(let found) = read["files"] else { throw TestKitError("no files") }
        #expect(found.count == wanted.count && wanted.allSatisfy(found.contains))
    }
}

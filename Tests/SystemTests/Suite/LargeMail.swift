import Contracts
import Core
import FoundationEssentials
import NIOCore
import Operator
import Postgres
import TestKit
import Testing

/// An e-mail with a file, too large for one piece.
struct LargeMail: Sendable {
    static let token = "system-mail-token-0001"

    let bytes: [UInt8]

    init() {
        let file = Array("%PDF-1.7\n".utf8) + (0..<300).flatMap { [UInt8](repeating: UInt8($0 % 251), count: 1_000) }
        let lines = [
            "From: asha@example.com", "To: clinic@example.com", "Subject: My letter",
            "Message-ID: <\(RequestID())@example.com>", "Content-Type: multipart/mixed; boundary=b", "", "--b",
            "Content-Type: text/plain", "", "See the file", "--b", "Content-Type: application/pdf",
            "Content-Disposition: attachment; filename=letter.pdf", "Content-Transfer-Encoding: base64", "",
            Data(file).base64EncodedString(), "--b--", "",
        ]
        bytes = Array(lines.joined(separator: "\r\n").utf8)
    }

    /// As a mail server brings it; gives the status.
    func post(to webhook: String, token: String = LargeMail.token) async throws -> Int {
        let headers = ["Authorization": "Bearer \(token)", "Content-Type": "message/rfc822"]
        return try await Client(base: webhook).send("POST", "", raw: bytes, headers: headers, within: .seconds(60))
            .status
    }
}

extension RunningSuite {
    /// One whose own mail server brings what is written to it.
    func openClinicForMail() async throws -> (admin: Client, clinic: String, webhook: String) {
        let credentials: JSONValue = [
            "host": "127.0.0.1", "port": 9, "security": "none", "fromEmail": "clinic@example.com",
            "fromName": "Clinic", "verifyToken": .string(LargeMail.token),
        ]
        let entry: JSONValue = ["primary": ["provider": "smtp", "credentials": credentials]]
        let (admin, clinic, shown) = try await openClinic(configured: ["email": entry])
        return (admin, clinic, try (shown["email"]?["primary"] ?? .null).text("webhookUrl"))
    }

    /// What has become of the files of e-mails to a clinic, each e-mail's.
    func filesHeard(by clinic: String) async throws -> [String] {
        guard let id = ClinicID(clinic) else { throw TestKitError("not a clinic: \(clinic)") }
        return try await Ledger(suite: self).rows(
            .communication,
            """
            select coalesce(f.status, 'none'), m.id::text from inbound_messages m
            left join inbound_files f on f.clinic_id = m.clinic_id and f.message_id = m.id where m.clinic_id = \(id)
            """
        ).map(\.0)
    }

    /// Webhooks to a clinic that are not whole.
    func noticesLeft(of clinic: String) async throws -> [String] {
        guard let id = ClinicID(clinic) else { throw TestKitError("not a clinic: \(clinic)") }
        return try await Ledger(suite: self).rows(
            .communication,
            "select n.id::text, '' from notice_bodies n where n.clinic_id = \(id)"
        ).map(\.0)
    }
}

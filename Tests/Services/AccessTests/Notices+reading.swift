import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing
import Vault

@testable import Access

/// A notice as communication reads it.
struct ReadNotice {
    var request: NoticeRequested
    var content: NoticeContent

    var link: String? { content.data["link"]?.string }
    var code: String? { content.data["code"]?.string }
    /// The token behind the link's `#`.
    var token: String? { link?.split(separator: "#").last.map(String.init) }
}

extension AccessDesk {
    /// The notices a clinic has asked for, oldest first; to one address or number where it is given.
    func notices(
        of clinic: ClinicID,
        to address: EmailAddress? = nil,
        phone: PhoneNumber? = nil
    ) async throws -> [ReadNotice] {
        let payloads = try await test.inspect(
            """
            select payload from outbox where clinic_id = \(clinic) and name = \(NoticeRequested.kind) order by position
            """
        ) { rows -> [[UInt8]] in try rows.map { try $0[0] } }
        let seal = EdgeSeal(.notices, keys: Self.edgeKeys(keyFile, of: "communication"))
        return try payloads.map { payload in
            let request = try JSONTape(payload).decode(NoticeRequested.self)
            let place = NoticeRequested.place(of: request.id, request.template, in: clinic)
            let content = try seal.open(request.sealed.bytes, for: place)
            return ReadNotice(request: request, content: try JSONTape(content).decode(NoticeContent.self))
        }.filter { (address == nil || $0.content.email == address) && (phone == nil || $0.content.phone == phone) }
    }
}

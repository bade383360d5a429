import Authorization
import Contracts
import Core
import Operator
import TestKit

extension RunningSuite {
    var api: Client { Client(base: demo.baseURL + "/api/v1") }
    var sandbox: Client { Client(base: demo.sandbox.url) }

    func admin() async throws -> Client { try await api.signedIn(demo.admin, clinic: demo.clinicId) }
    func receptionist() async throws -> Client { try await api.signedIn(demo.receptionist, clinic: demo.clinicId) }
    func superAdmin() async throws -> Client { try await api.signedIn(demo.superAdmin) }

    /// Somebody who holds this role and no other.
    func person(with role: Role) async throws -> DemoFile.Person {
        switch role {
        case .superAdmin: return demo.superAdmin
        case .systemAuditor: return demo.auditor
        // Their reach is their own record, without which they may see nothing.
        case .doctor: return demo.doctor
        case .patient: return demo.patient
        default: break
        }
        let email = "role-\(RequestID())@sunrise.example"
        var root = try await superAdmin()
        root.clinic = demo.clinicId
        let made = try await root.expect(
            201,
            from: "POST",
            "/clinics/\(demo.clinicId)/users",
            ["email": .string(email), "name": "Somebody", "roles": [["role": .string(role.rawValue)]]]
        )
        let person = DemoFile.Person(email: email, password: "a long enough password")
        try await api.expect(
            200,
            from: "POST",
            "/auth/invitations/accept",
            [
                "token": .string(try (made.json["invitation"] ?? .null).text("token")),
                "password": .string(person.password),
            ]
        )
        return person
    }

    /// The text of the newest message to an address in which the words stand, once it has arrived.
    func mail(to address: String, saying words: String) async throws -> String {
        try await eventually("mail to \(address)", within: .seconds(60)) {
            try await sandbox.expect(200, from: "GET", "/messages").items.last { item in
                guard case .array(let to)? = item["to"] else { return false }
                return to.contains(.string(address)) && item["text"]?.string?.contains(words) == true
            }?["text"]?.string
        }
    }

    /// The six digits of the newest code that was sent to an address.
    func code(to address: String) async throws -> String {
        let text = try await mail(to: address, saying: "Your code is ")
        let code = text.split(separator: "Your code is ").last.map { String($0.prefix(6)) } ?? ""
        guard code.count == 6, code.allSatisfy(\.isNumber) else { throw TestKitError("a message without a code") }
        return code
    }

    /// Does something while a provider of the sandbox has a fault, which is gone however that ends.
    func withFault<R: Sendable>(
        of provider: String,
        _ fault: JSONValue,
        _ body: () async throws -> R
    ) async throws -> R {
        let (sandbox, path) = (sandbox, "/faults/\(provider)")
        try await sandbox.expect(200, 201, 204, from: "PUT", path, fault)
        do {
            let value = try await body()
            try await sandbox.expect(200, 204, from: "DELETE", path)
            return value
        } catch {
            // In a task of its own: this one may be cancelled, since its time is over.
            await Task { _ = try? await sandbox.send("DELETE", path) }.value
            throw error
        }
    }

    /// The clinic's e-mail goes through the sandbox's ZeptoMail, with its SMTP server behind it.
    func configureMail(of clinic: String, by client: Client) async throws {
        let path = "/clinics/\(clinic)/communication/config"
        try await client.expect(200, 201, from: "PUT", path, mailConfiguration, headers: ["If-None-Match": "*"])
    }

    private var mailConfiguration: JSONValue {
        [
            "email": [
                "primary": [
                    "provider": "zeptomail",
                    "credentials": [
                        "sendMailToken": "system-test-token", "fromEmail": "hello@sunrise.example",
                        "fromName": "Sunrise Clinic", "endpoint": .string(demo.sandbox.url + "/zeptomail"),
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

    static func message(_ subject: String, priority: String = "normal") -> JSONValue {
        [
            "to": ["email": "patient@example.org"], "channels": ["email"], "priority": .string(priority),
            "content": ["subject": .string(subject), "text": "We look forward to seeing you."],
        ]
    }

    func booking(_ start: String, service: String) -> JSONValue {
        [
            "doctorId": .string(demo.doctorId), "patientId": .string(demo.patientId), "serviceId": .string(service),
            "start": .string(start), "kind": "in_person",
        ]
    }

    /// The shortest visit type, so that there are many slots.
    func shortVisit(by client: Client) async throws -> String {
        let services = try await client.expect(200, from: "GET", "/services").items
        let shortest = services.min { ($0["minutes"]?.integer ?? 0) < ($1["minutes"]?.integer ?? 0) }
        guard let shortest else { throw TestKitError("the clinic offers nothing") }
        return try shortest.text("id")
    }

    /// Days ahead in which free time is looked for: enough for the full measure of every fault.
    private static let bookingHorizon = 3_650

    /// Free starts that do not overlap, from tomorrow on.
    func freeSlots(_ count: Int, service: String, by client: Client) async throws -> [String] {
        let first = Int(Instant.now().seconds / 86_400) + 2
        var starts: [String] = []
        var day = first
        while starts.count < count && day < first + Self.bookingHorizon {
            let (from, to) = (CalendarDate(daysSince1970: day), CalendarDate(daysSince1970: day + 30))
            let path = "/doctors/\(demo.doctorId)/slots?service=\(service)&from=\(from)&to=\(to)"
            starts += try await client.expect(200, from: "GET", path).items.compactMap { $0["start"]?.string }
            day += 31
        }
        guard starts.count >= count else { throw TestKitError("only \(starts.count) free slots") }
        return Array(starts.prefix(count))
    }
}

extension JSONValue {
    var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
}

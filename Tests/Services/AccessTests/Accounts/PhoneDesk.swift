import AccessAPI
import Bus
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Access

/// People with numbers, asking from a network of their own: how many texts one network may ask for is limited.
struct PhoneDesk {
    let desk: AccessDesk
    let source: RequestSource
    let endpoints = OneTimeCodeEndpoints()

    init() throws {
        desk = try AccessDesk()
        let hosts = (0..<4).map { _ in String(Int.random(in: 0...0xffff), radix: 16) }.joined(separator: ":")
        source = RequestSource(address: "\(hosts)::1", userAgent: "test")
    }

    static func number() throws -> PhoneNumber {
        try #require(PhoneNumber("+49151\(Int.random(in: 10_000_000...99_999_999))"))
    }

    func clinic() async throws -> ClinicID { try await desk.clinic(by: try await desk.superAdmin()) }

    func ask(_ phone: PhoneNumber, at clinic: ClinicID, by channel: CodeChannel? = nil) async throws -> String {
        let reply = try await desk.call(
            endpoints.request,
            CodeRequest(clinicId: clinic, phone: phone, channel: channel),
            from: source
        )
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    func register(_ registration: Registration) async throws -> String {
        let reply = try await desk.call(endpoints.register, registration, from: source)
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    /// The newest code that a clinic has sent to the number.
    func code(of clinic: ClinicID, to phone: PhoneNumber) async throws -> String {
        try #require(try await desk.codes(of: clinic, to: phone).last)
    }

    func verify(_ code: String, _ phone: PhoneNumber, at clinic: ClinicID) async throws -> BusReply {
        try await desk.call(
            endpoints.verify,
            CodeProof(clinicId: clinic, phone: phone, code: code),
            from: source
        )
    }

    /// A patient who has registered with the number and is signed in.
    func patient(_ phone: PhoneNumber, of clinic: ClinicID, born: String? = nil) async throws -> AccessDesk.Person {
        let birthDate = born.flatMap { CalendarDate($0) }
        _ = try await register(Registration(clinicId: clinic, phone: phone, name: "Nora", birthDate: birthDate))
        return try await signIn(phone, at: clinic, asking: false)
    }

    func signIn(_ phone: PhoneNumber, at clinic: ClinicID, asking: Bool = true) async throws -> AccessDesk.Person {
        if asking { _ = try await ask(phone, at: clinic) }
        let proof = CodeProof(clinicId: clinic, phone: phone, code: try await code(of: clinic, to: phone))
        let signedIn = try await desk.ask(endpoints.verify, proof, from: source)
        // No address to sign in with beside a password.
        return try AccessDesk.person(signedIn, .placeholder, "")
    }

    func me(_ person: AccessDesk.Person) async throws -> Me {
        try await desk.ask(AuthenticationEndpoints().me, EmptyInput(), as: person)
    }

    func patch(_ patch: MePatch, as person: AccessDesk.Person, ifMatch: String? = nil) async throws -> BusReply {
        try await desk.call(
            AuthenticationEndpoints().updateMe,
            patch,
            as: person,
            ifMatch: ifMatch,
            from: source
        )
    }
}

import Core
import FoundationEssentials
import LocalServers

/// `demo.json`: where everything of a running development suite is, and who can sign in.
///
/// Readable by its owner only.
package struct DemoFile: Codable, Sendable {
    package struct Person: Codable, Sendable {
        package var email: String
        package var password: String

        package init(email: String, password: String) {
            self.email = email
            self.password = password
        }
    }

    package struct SecondClinic: Codable, Sendable {
        package var clinicId: String
        package var admin: Person
    }

    package struct Sandbox: Codable, Sendable {
        package var url: String
        package var smtpHost: String
        package var smtpPort: Int
    }

    package var baseURL: String
    package var clinicId: String
    package var clinicSlug: String
    package var admin: Person
    package var superAdmin: Person
    package var auditor: Person
    package var doctor: Person
    package var receptionist: Person
    package var patient: Person
    package var patientId: String
    package var doctorId: String
    package var secondClinic: SecondClinic
    package var sandbox: Sandbox
    package var health: [String: String]
    package var databaseURL: String
    package var redisURL: String

    package static func read(_ path: String) throws -> DemoFile {
        try JSONDecoder().decode(DemoFile.self, from: Data(contentsOf: URL(filePath: path)))
    }

    /// Written for its owner alone, and whole or not at all.
    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.writeSecret(String(decoding: encoder.encode(self), as: UTF8.self), to: path)
    }
}

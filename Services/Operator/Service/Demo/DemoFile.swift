import Core
import FoundationEssentials
import LocalServers

/// `demo.json`: where everything of a running development suite is, and who can sign in.
///
/// Readable by its owner only.
struct DemoFile: Codable, Sendable {
    struct Person: Codable, Sendable {
        var email: String
        var password: String
    }

    struct SecondClinic: Codable, Sendable {
        var clinicId: String
        var admin: Person
    }

    struct Sandbox: Codable, Sendable {
        var url: String
        var smtpHost: String
        var smtpPort: Int
    }

    var baseURL: String
    var clinicId: String
    var clinicSlug: String
    var admin: Person
    var superAdmin: Person
    var auditor: Person
    var doctor: Person
    var receptionist: Person
    var patient: Person
    var patientId: String
    var doctorId: String
    var secondClinic: SecondClinic
    var sandbox: Sandbox
    var health: [String: String]
    var databaseURL: String
    var redisURL: String

    static func read(_ path: String) throws -> DemoFile {
        try JSONDecoder().decode(DemoFile.self, from: Data(contentsOf: URL(filePath: path)))
    }

    /// Written for its owner alone, and whole or not at all.
    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Files.writeSecret(String(decoding: encoder.encode(self), as: UTF8.self), to: path)
    }
}

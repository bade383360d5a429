import Core
import FoundationEssentials
import Glibc

/// `demo.json`: where everything of a running development suite is, and who can sign in. Readable by its owner only.
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

    /// Written beside and moved into place, so that whoever sees it sees all of it.
    func write(_ path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let draft = path + ".new"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
        close(file)
        try encoder.encode(self).write(to: URL(filePath: draft))
        guard rename(draft, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}

/// What `polyclinic dev` writes when everything is ready.
struct DemoAccounts: Codable, Sendable {
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
}

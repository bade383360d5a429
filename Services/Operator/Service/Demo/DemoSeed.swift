import Contracts
import Core

/// Makes the demo clinic through the public API alone, once per home.
///
/// It begins with the super admin's one-time token; everything else is what any client could do.
struct DemoSeed {
    static let slug = "sunrise"
    static let timeZone = "Asia/Kolkata"

    let api: APIClient
    /// A random password for each person.
    let password: @Sendable () -> String

    struct Made: Sendable {
        var clinicId: String
        var superAdmin, admin, auditor, doctor, receptionist, patient: DemoFile.Person
        var patientId: String
        var doctorId: String
        var secondClinic: DemoFile.SecondClinic
    }

    func run(superAdminToken: String) async throws -> Made {
        let superAdmin = try await accept(superAdminToken, email: "super@polyclinic.example")
        let root = try await api.signedIn(superAdmin)
        // The account was made a moment ago; the gateway hears of it within half a second.
        let clinic = try await eventually(within: .seconds(10)) {
            try await makeClinic(Self.slug, "Sunrise Clinic", by: root)
        }
        let admin = try await invite("admin@sunrise.example", "Asha Rao", ["CLINIC_ADMIN"], into: clinic, by: root)
        let chief = try await eventually(within: .seconds(10)) { try await signIn(admin, clinic) }
        let receptionist = try await invite(
            "desk@sunrise.example",
            "Ravi Menon",
            ["RECEPTIONIST"],
            into: clinic,
            by: chief
        )
        let doctor = try await invite("doctor@sunrise.example", "Dr. Meera Iyer", ["DOCTOR"], into: clinic, by: chief)
        let patient = try await invite("patient@example.org", "Anil Kumar", ["PATIENT"], into: clinic, by: chief)
        let doctorId = try await practice(clinic, doctor, by: chief)
        let patientId = try await chief.expect(
            201,
            from: "POST",
            "/patients",
            [
                "name": "Anil Kumar", "email": "patient@example.org", "birthDate": "1984-03-12",
                "userId": .string(try await userID(patient, clinic)),
            ]
        ).json.text("id")
        let auditor = try await appointAuditor(clinic, by: root)
        let second = try await secondClinic(by: root)
        return Made(
            clinicId: clinic,
            superAdmin: superAdmin,
            admin: admin,
            auditor: auditor,
            doctor: doctor,
            receptionist: receptionist,
            patient: patient,
            patientId: patientId,
            doctorId: doctorId,
            secondClinic: second
        )
    }

    private func makeClinic(_ slug: String, _ name: String, by root: APIClient) async throws -> String {
        try await root.expect(
            201,
            from: "POST",
            "/clinics",
            [
                "name": .string(name), "slug": .string(slug), "timeZone": .string(Self.timeZone), "currency": "INR",
                "country": "IN", "locale": "en-IN",
            ]
        ).json.text("id")
    }

    /// Somebody new in a clinic: invited, and the invitation accepted with a password of their own.
    private func invite(
        _ email: String,
        _ name: String,
        _ roles: [String],
        into clinic: String,
        by inviter: APIClient
    ) async throws -> DemoFile.Person {
        var inviter = inviter
        inviter.clinic = clinic
        // The clinic was made a moment ago; the gateway hears of it within half a second.
        let made = try await eventually(within: .seconds(10)) { [inviter] in
            try await inviter.expect(
                201,
                from: "POST",
                "/clinics/\(clinic)/users",
                [
                    "email": .string(email), "name": .string(name),
                    "roles": .array(roles.map { ["role": .string($0)] }),
                ]
            )
        }
        guard let token = made["invitation"]?["token"]?.string else {
            throw Unexpected("an invitation without a token")
        }
        return try await accept(token, email: email)
    }

    private func accept(_ token: String, email: String) async throws -> DemoFile.Person {
        let person = DemoFile.Person(email: email, password: password())
        try await api.expect(
            200,
            from: "POST",
            "/auth/invitations/accept",
            ["token": .string(token), "password": .string(person.password)]
        )
        return person
    }

    /// Signed in, with the membership already known to the gateway.
    private func signIn(_ person: DemoFile.Person, _ clinic: String) async throws -> APIClient {
        let client = try await api.signedIn(person, clinic: clinic)
        _ = try await client.get("/clinics/\(clinic)")
        return client
    }

    private func userID(_ person: DemoFile.Person, _ clinic: String) async throws -> String {
        let me = try await api.signedIn(person, clinic: clinic).get("/auth/me")
        guard let id = me["user"]?["id"]?.string else { throw Unexpected("nobody behind /auth/me") }
        return id
    }

    /// A location, two visit types, and a doctor with weekly hours.
    private func practice(_ clinic: String, _ doctor: DemoFile.Person, by chief: APIClient) async throws -> String {
        let location = try await chief.expect(
            201,
            from: "POST",
            "/clinics/\(clinic)/locations",
            ["name": "Main Street", "timeZone": .string(Self.timeZone)]
        ).json.text("id")
        for (name, minutes, price) in [("Consultation", 30, 80_000), ("Follow-up", 15, 40_000)]
            as [(String, Int64, Int64)]
        {
            try await chief.expect(
                201,
                from: "POST",
                "/services",
                [
                    "name": .string(name), "minutes": .integer(minutes),
                    "price": ["amount": .integer(price), "currency": "INR"],
                ]
            )
        }
        let user = try await userID(doctor, clinic)
        let id = try await chief.expect(
            201,
            from: "POST",
            "/doctors",
            ["name": "Dr. Meera Iyer", "specialty": "General medicine", "userId": .string(user)]
        ).json.text("id")
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        let weekly = days.map { day -> JSONValue in
            ["weekday": .string(day), "locationId": .string(location), "from": "09:00", "to": "17:00"]
        }
        // Appointments hears of the location by an event; until then it says so.
        _ = try await eventually(within: .seconds(20)) {
            try await chief.expect(200, from: "PUT", "/doctors/\(id)/availability", ["weekly": .array(weekly)])
        }
        return id
    }

    private func appointAuditor(_ clinic: String, by root: APIClient) async throws -> DemoFile.Person {
        let email = "auditor@polyclinic.example"
        let made = try await root.expect(201, from: "POST", "/users", ["email": .string(email), "name": "Noor Haddad"])
        guard let token = made["invitation"]?["token"]?.string else {
            throw Unexpected("an invitation without a token")
        }
        let id = try made.json.text("id")
        try await root.expect(
            200,
            from: "PUT",
            "/users/\(id)/system-roles",
            ["role": "SYSTEM_AUDITOR", "clinicIds": [.string(clinic)]]
        )
        return try await accept(token, email: email)
    }

    private func secondClinic(by root: APIClient) async throws -> DemoFile.SecondClinic {
        let clinic = try await makeClinic("moonlight", "Moonlight Clinic", by: root)
        let admin = try await invite("admin@moonlight.example", "Lena Vogt", ["CLINIC_ADMIN"], into: clinic, by: root)
        return DemoFile.SecondClinic(clinicId: clinic, admin: admin)
    }
}

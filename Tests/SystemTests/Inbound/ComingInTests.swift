import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// Coming in without a password, and trying to come in with others' ones.
    @Suite struct ComingInTests {
        @Test(.timeLimit(.minutes(3))) func aPatientRegistersAndSignsInWithCodes() async throws {
            let suite = try await RunningSuite.shared.value
            let email = "new-\(RequestID())@sunrise.example"
            let slug = JSONValue.string(suite.demo.clinicSlug)
            let registration: JSONValue = ["clinicSlug": slug, "email": .string(email), "name": "Nora Neu"]
            try await suite.api.expect(202, from: "POST", "/auth/register", registration)
            var proof: [String: JSONValue] = ["clinicSlug": slug, "email": .string(email)]
            proof["code"] = .string(try await suite.code(to: email))
            // A code is no way into another clinic, whatever is known of its id.
            var elsewhere = proof
            elsewhere["clinicSlug"] = nil
            elsewhere["clinicId"] = .string(suite.demo.secondClinic.clinicId)
            try await suite.api.expect(401, from: "POST", "/auth/otp/verify", .object(elsewhere))
            let answer = try await suite.api.expect(200, from: "POST", "/auth/otp/verify", .object(proof))
            var client = suite.api
            client.token = try answer.json.text("accessToken")
            let patient = client
            try await eventually("the gateway knows of \(email)") {
                try await patient.send("GET", "/auth/me").status == 200
            }
            let me = try await patient.expect(200, from: "GET", "/auth/me").json
            guard case .array(let memberships)? = me["memberships"] else { throw TestKitError("no memberships") }
            #expect(memberships.count == 1 && memberships.first?["clinicId"]?.string == suite.demo.clinicId)
            #expect(memberships.first?["roles"] == ["PATIENT"])
            // Without a record of their own there is nothing for them to see.
            var inClinic = patient
            inClinic.clinic = suite.demo.clinicId
            #expect(try await inClinic.send("GET", "/patients/\(suite.demo.patientId)").status == 403)
            inClinic.clinic = suite.demo.secondClinic.clinicId
            #expect(try await inClinic.send("GET", "/patients/me").status == 404)
        }

        /// With nothing but a telephone: the code arrives as a text.
        @Test(.timeLimit(.minutes(3))) func aPatientComesInWithANumberAlone() async throws {
            let suite = try await RunningSuite.shared.value
            let (clinic, slug) = try await clinicThatTexts(suite)
            let phone = "+49151\(Int.random(in: 10_000_000...99_999_999))"
            var proof: [String: JSONValue] = ["clinicSlug": .string(slug), "phone": .string(phone)]
            let registration = proof.merging(["name": "Nora Neu"]) { first, _ in first }
            try await suite.api.expect(202, from: "POST", "/auth/register", .object(registration))
            let text = try await suite.mail(to: phone, saying: "your code is ")
            proof["code"] = .string(text.split(separator: "your code is ").last.map { String($0.prefix(6)) } ?? "")
            let answer = try await suite.api.expect(200, from: "POST", "/auth/otp/verify", .object(proof))
            #expect(answer.json["user"]?["phone"]?.string == phone && answer.json["user"]?["email"] == nil)
            var client = suite.api
            client.token = try answer.json.text("accessToken")
            let patient = client
            try await eventually("the gateway knows of them") {
                try await patient.send("GET", "/auth/me").status == 200
            }
            let me = try await patient.expect(200, from: "GET", "/auth/me").json
            guard case .array(let memberships)? = me["memberships"] else { throw TestKitError("no memberships") }
            #expect(memberships.count == 1 && memberships.first?["clinicId"]?.string == clinic)
        }

        /// A clinic of its own, which can send texts and nothing else.
        private func clinicThatTexts(_ suite: RunningSuite) async throws -> (id: String, slug: String) {
            let slug = "texts-\(RequestID().description.suffix(12))"
            var root = try await suite.superAdmin()
            let draft: JSONValue = [
                "name": "Texting Clinic", "slug": .string(slug), "timeZone": "Europe/Berlin", "currency": "EUR",
                "country": "DE", "locale": "en-GB",
            ]
            let id = try await root.expect(201, from: "POST", "/clinics", draft).json.text("id")
            root.clinic = id
            let credentials: JSONValue = [
                "accountSid": .string("AC" + String(repeating: "a", count: 32)), "authToken": "twilio-sandbox-token",
                "fromNumber": "+15005550006", "endpoint": .string(suite.demo.sandbox.url + "/twilio"),
            ]
            let operatorsClient = root
            try await eventually("the clinic can be configured", within: .seconds(30)) {
                try await operatorsClient.send(
                    "PUT",
                    "/clinics/\(id)/communication/config",
                    ["sms": ["primary": ["provider": "twilio", "credentials": credentials]]],
                    headers: ["If-None-Match": "*"]
                ).status < 300
            }
            return (id, slug)
        }

        @Test(.timeLimit(.minutes(3))) func whatWasSentIsShownToNobody() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let address = suite.demo.patient.email
            try await suite.api.expect(
                202,
                from: "POST",
                "/auth/otp/request",
                ["clinicId": .string(suite.demo.clinicId), "email": .string(address)]
            )
            let code = try await suite.code(to: address)
            let list = try await admin.expect(200, from: "GET", "/communication/messages?template=one_time_code")
            #expect(!list.items.isEmpty)
            for item in list.items {
                let id = try item.text("id")
                let message = try await admin.expect(200, from: "GET", "/communication/messages/\(id)")
                #expect(message.json["content"] ?? .null == .null)
                #expect(!message.text.contains("\(code)."))
            }
        }

        /// Many accounts, few tries at each: only the address they come from shows it.
        @Test(.timeLimit(.minutes(3))) func stuffingFromOneAddressIsThrottled() async throws {
            let suite = try await RunningSuite.shared.value
            let allowed = 20
            let settings = ["POLYCLINIC_RATE_LIMITS": "address=\(allowed)/60"]
            let gateway = try await suite.startReplica("gateway", with: settings)
            defer { suite.stopReplicas() }
            let client = Client(base: gateway + "/api/v1")
            // It refuses by itself once it has the policy, and so reaches access.
            try await eventually("the other gateway answers", within: .seconds(30)) {
                (try? await client.send("GET", "/clinics").status) == 401
            }
            var statuses: [Int] = []
            for number in 0..<(allowed * 3) {
                let email = JSONValue.string("stuffed-\(number)-\(RequestID())@sunrise.example")
                let answer =
                    number.isMultiple(of: 2)
                    ? try await client.send("POST", "/auth/login", ["email": email, "password": "not the password"])
                    : try await client.send(
                        "POST",
                        "/auth/otp/verify",
                        ["clinicId": .string(suite.demo.clinicId), "email": email, "code": "123456"]
                    )
                statuses.append(answer.status)
                if answer.status == 429 { #expect((Int(answer.headers["retry-after"] ?? "") ?? 0) > 0) }
            }
            // None got in, and once the bucket was empty hardly any was even looked at.
            #expect(Set(statuses) == [401, 429])
            #expect(statuses.count { $0 == 401 } <= allowed * 2)
            #expect(statuses.suffix(5).contains(429))
        }
    }
}

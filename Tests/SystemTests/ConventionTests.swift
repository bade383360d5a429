import Authorization
import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// What clients rely on whatever they ask for, as they meet it: through the gateway, with nothing but HTTP.
    @Suite struct ConventionTests {
        /// An id that is none is one that nobody has, whatever else is wrong with the request.
        @Test(.timeLimit(.minutes(3))) func whatIsNoIDIsNotThere() async throws {
            let suite = try await RunningSuite.shared.value
            let (admin, root) = (try await suite.admin(), try await suite.superAdmin())
            let held = Set(Roles.permissionNames(of: [.clinicAdmin]))
            var asked = 0
            for endpoint in CoverageTests.endpoints {
                guard let permission = endpoint.guard.permission else { continue }
                let names = endpoint.pathParameters.filter { $0 != "clinicId" }
                if names.isEmpty { continue }
                var client = held.contains(permission.name) ? admin : root
                client.clinic = suite.demo.clinicId
                for wrong in ["7", "no-such-thing", "\(RequestID())".uppercased(), String(repeating: "a", count: 300)] {
                    var path = endpoint.path.replacing("{clinicId}", with: suite.demo.clinicId)
                    for name in names {
                        path = path.replacing("{\(name)...}", with: wrong).replacing("{\(name)}", with: wrong)
                    }
                    // A version is a number, and this one there never was.
                    if wrong == "7", names == ["version"] { continue }
                    let answer = try await client.send(endpoint.verb.rawValue, path)
                    #expect(answer.status == 404, "\(endpoint.name) with \(wrong.prefix(40)): \(answer.status)")
                    asked += 1
                }
            }
            #expect(asked > 100)
        }

        @Test(.timeLimit(.minutes(2))) func suppressionsComeInAndGoOutAsCSV() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let (path, address) = ("/communication/suppressions", "csv-\(RequestID())@example.org")
            let sheet = Array("channel,address,category\nemail,\(address),marketing\nemail,nobody,\n".utf8)
            let taken = try await admin.send(
                "POST",
                path,
                raw: sheet,
                headers: ["Content-Type": "text/csv; charset=utf-8"]
            )
            #expect(taken.status == 200 && taken.json["added"] == 1, "\(taken.text)")
            #expect(taken.text.contains("\"line\":3"))
            let found = try await admin.expect(200, from: "GET", "\(path)?address=\(address)").items
            #expect(found.count == 1 && found.first?["source"] == "csv" && found.first?["category"] == "marketing")
            let out = try await admin.send("GET", path, headers: ["Accept": "text/csv"])
            #expect(out.status == 200 && out.headers["content-type"]?.hasPrefix("text/csv") == true)
            #expect(out.text.hasPrefix("channel,address") && out.text.contains("email,\(address),marketing"))
            // The same place takes one as JSON, and nothing else.
            let one = try await admin.send("POST", path, ["channel": "email", "address": .string("b" + address)])
            #expect(one.status == 201 && one.headers["location"]?.hasPrefix("/api/v1\(path)/") == true)
            for type in ["text/xml", "application/csv"] {
                let refused = try await admin.send("POST", path, raw: sheet, headers: ["Content-Type": type])
                #expect(refused.status == 415 && refused.text.contains("text/csv"), "\(type): \(refused.text)")
            }
            let file = try await admin.expect(200, from: "GET", "/openapi.json").json["paths"]?["/api/v1\(path)"]
            let content = file?["post"]?["requestBody"]?["content"]
            #expect(content?["text/csv"] != nil && content?["application/json"] != nil)
        }

        @Test(.timeLimit(.minutes(2))) func aKeyIsHeldAgainstWhatARequestSays() async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let (path, address) = ("/communication/suppressions", "key-\(RequestID())@example.org")
            let key = ["Idempotency-Key": "\(RequestID())"]
            func post(_ json: String, _ headers: [String: String] = [:]) async throws -> Client.Answer {
                try await admin.send("POST", path, raw: Array(json.utf8), headers: key.merging(headers) { $1 })
            }
            let first = try await post(#"{"channel":"email","address":"\#(address)"}"#)
            let again = try await post(#" { "address" : "\#(address)", "channel" : "email" } "#)
            #expect(first.status == 201 && again.status == 201 && again.body == first.body)
            #expect(again.headers["idempotency-replayed"] == "true")
            let other = try await post(#"{"channel":"email","address":"x\#(address)"}"#)
            #expect(other.status == 422 && other.json["code"] == "idempotency_key_reused")
            // One place, one key, whatever the body is.
            let sheet = try await post("channel,address\nemail,\(address)\n", ["Content-Type": "text/csv"])
            #expect(sheet.status == 422 && sheet.json["code"] == "idempotency_key_reused")
        }

        @Test(.timeLimit(.minutes(2))) func patientsChooseForThemselvesAndSeeTheirOwn() async throws {
            let suite = try await RunningSuite.shared.value
            let patient = try await suite.api.signedIn(suite.demo.patient, clinic: suite.demo.clinicId)
            let path = "/communication/preferences/\(suite.demo.patientId)"
            let read = try await patient.expect(200, from: "GET", path)
            let categories = read.json["categories"] ?? []
            try await patient.expect(200, from: "PUT", path, ["categories": categories])
            try await patient.expect(404, from: "GET", "/communication/preferences/\(RequestID())")
            let address = "theirs-\(RequestID())@example.org"
            let admin = try await suite.admin()
            let draft: JSONValue = ["channel": "email", "address": .string(address)]
            let theirs = try await admin.expect(201, from: "POST", "/communication/suppressions", draft).json
            let seen = try await patient.expect(200, from: "GET", "/communication/suppressions?limit=200")
            #expect(!seen.text.contains(address))
            let id = try theirs.text("id")
            try await patient.expect(404, from: "GET", "/communication/suppressions/\(id)")
            try await patient.expect(403, from: "POST", "/communication/suppressions", draft)
            try await patient.expect(403, from: "DELETE", "/communication/suppressions/\(id)")
        }

        @Test(.timeLimit(.minutes(2))) func patientsRegisterTheirOwnDevices() async throws {
            let suite = try await RunningSuite.shared.value
            let patient = try await suite.api.signedIn(suite.demo.patient, clinic: suite.demo.clinicId)
            let path = "/communication/contacts/\(suite.demo.patientId)/devices"
            let token = "device-\(RequestID())"
            let device: JSONValue = ["pushToken": .string(token), "name": "Phone", "platform": "ios"]
            #expect(try await suite.api.send("POST", path, device).status == 401)
            let auditor = try await suite.api.signedIn(suite.demo.auditor, clinic: suite.demo.clinicId)
            try await auditor.expect(403, from: "POST", path, device)
            try await auditor.expect(403, from: "GET", path)
            try await patient.expect(
                404,
                from: "POST",
                path.replacing(suite.demo.patientId, with: "\(RequestID())"),
                device
            )
            let long = JSONValue.string(String(repeating: "a", count: 4_097))
            let refused = try await patient.expect(422, from: "POST", path, ["pushToken": long])
            #expect(refused.text.contains("/pushToken"))
            let made = try await patient.expect(201, from: "POST", path, device)
            let id = try made.json.text("id")
            #expect(made.headers["location"] == "/api/v1\(path)/\(id)" && !made.text.contains(token))
            let again = try await patient.expect(200, from: "POST", path, device)
            #expect(try again.json.text("id") == id)
            let listed = try await patient.expect(200, from: "GET", path)
            #expect(listed.items.contains { $0["id"]?.string == id } && !listed.text.contains(token))
            try await patient.expect(204, from: "DELETE", "\(path)/\(id)")
            try await patient.expect(404, from: "GET", "\(path)/\(id)")
        }

        @Test(
            .timeLimit(.minutes(2)),
            arguments: [
                ("sendgrid", "", 405), ("smtp", "", 405), ("meta", "", 400), ("meta", "?hub.mode=subscribe", 400),
                ("meta", "?hub.mode=subscribe&hub.verify_token=guessed&hub.challenge=1", 403), ("nobody", "", 404),
            ]
        )
        func aWebhookIsAskedWhetherItIsOurs(_ provider: String, _ query: String, _ status: Int) async throws {
            let suite = try await RunningSuite.shared.value
            for place in [suite.demo.clinicId, "installation"] {
                let answer = try await suite.api.send("GET", "/webhooks/communication/\(provider)/\(place)\(query)")
                #expect(answer.status == status, "\(place): \(answer.text)")
                #expect((answer.headers["allow"] == "POST") == (status == 405))
            }
        }
    }
}

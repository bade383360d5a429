import Contracts
import Core
import TestKit

extension RunningSuite {
    /// A clinic of the test's own, and a super admin there.
    func makeClinic() async throws -> (admin: Client, clinic: String) {
        var admin = try await superAdmin()
        let clinic = try await admin.expect(
            201,
            from: "POST",
            "/clinics",
            [
                "name": "Own Clinic", "slug": .string("own-\(UInt32.random(in: 0 ... .max))"),
                "timeZone": "Europe/Berlin", "currency": "EUR", "country": "DE", "locale": "en",
            ]
        ).json.text("id")
        admin.clinic = clinic
        return (admin, clinic)
    }

    /// Configures a new clinic's providers, and gives the configuration as it is shown.
    ///
    /// The gateway hears of a clinic within half a second.
    func configure(_ clinic: String, _ channels: JSONValue, by admin: Client) async throws -> JSONValue {
        try await eventually("the clinic is known", within: .seconds(20)) {
            let path = "/clinics/\(clinic)/communication/config"
            let answer = try await admin.send("PUT", path, channels, headers: ["If-None-Match": "*"])
            return answer.status == 201 ? answer.json : nil
        }
    }

    /// A new clinic with these providers, and its configuration as it is shown.
    func openClinic(configured channels: JSONValue) async throws -> (admin: Client, clinic: String, shown: JSONValue) {
        let (admin, clinic) = try await makeClinic()
        return (admin, clinic, try await configure(clinic, channels, by: admin))
    }
}

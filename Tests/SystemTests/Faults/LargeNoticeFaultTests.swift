import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// Large webhooks that are cut off in the middle by a process that is killed.
    @Suite struct LargeNoticeFaultTests {
        /// Whoever brings it gets no receipt and brings it again: then it is there, once.
        @Test(.timeLimit(.minutes(6)), arguments: ["gateway", "communication"])
        func aKilledProcessLosesNoMail(name: String) async throws {
            let suite = try await RunningSuite.shared.value
            let admin = try await suite.admin()
            let (_, clinic, webhook) = try await suite.openClinicForMail()
            let mail = LargeMail()
            let status = try await HalfUpload.send(
                mail.bytes,
                to: suite.demo.baseURL,
                at: "/api/v1/webhooks/communication/smtp/\(clinic)",
                headers: ["Authorization: Bearer \(LargeMail.token)", "Content-Type: message/rfc822"]
            ) {
                try await eventually("a piece of it is taken") { try await !suite.noticesLeft(of: clinic).isEmpty }
                try await suite.killProcess(name)
            }
            try await suite.answersAgain(admin)
            let before = try await suite.filesHeard(by: clinic)
            #expect(before == (status == 200 ? ["kept"] : []), "\(name): \(String(describing: status))")
            try await eventually("it is taken when it is brought again", within: .seconds(90)) {
                (try? await mail.post(to: webhook)) == 200
            }
            #expect(try await suite.filesHeard(by: clinic) == ["kept"])
        }
    }
}

import Contracts
import Core
import Operator
import TestKit
import Testing

extension SystemTests {
    /// A patient answers a reminder: from the provider's webhook to the calendar and back to the patient.
    @Suite struct ReplyTests {
        private static let account = "AC" + String(repeating: "5", count: 32)
        private static let token = "reply-system-token"
        private static let number = "+15005550006"
        private static let day: Duration = .seconds(86_400)

        /// A clinic of the test's own, with one patient who has a telephone.
        private struct Practice: Sendable {
            let suite: RunningSuite
            let admin: Client
            let webhook: String
            let appointment: String
            let phone: String

            /// Writes to the clinic's number.
            func write(_ text: String) async throws {
                try await suite.sandbox.expect(
                    200,
                    from: "POST",
                    "/twilio/inbound",
                    [
                        "to": .string(ReplyTests.number), "from": .string(phone), "body": .string(text),
                        "account": .string(ReplyTests.account), "token": .string(ReplyTests.token),
                        "url": .string(webhook),
                    ]
                )
            }

            /// Texts that have arrived at the telephone and have the words in them.
            func texts(_ words: String) async throws -> [String] {
                try await suite.sandbox.expect(200, from: "GET", "/messages").items.compactMap { item in
                    guard case .array(let to)? = item["to"], to.contains(.string(phone)) else { return nil }
                    return item["text"]?.string.flatMap { $0.contains(words) ? $0 : nil }
                }
            }

            func text(_ words: String) async throws -> String {
                try await eventually("a text with \(words)", within: .seconds(150)) { try await texts(words).last }
            }

            /// Whether a text to the patient ends so.
            func ended(_ text: String, as status: JSONValue) async throws -> Bool {
                let draft: JSONValue = [
                    "to": ["phone": .string(phone)], "channels": ["sms"], "content": ["text": .string(text)],
                ]
                let answer = try await admin.expect(202, from: "POST", "/communication/messages", draft)
                let id = try answer.json.text("id")
                let ended = try await eventually("the message has ended", within: .seconds(60)) { () -> JSONValue? in
                    let found = try await admin.expect(200, from: "GET", "/communication/messages/\(id)").json["status"]
                    return ["queued", "sending"].contains(found) ? nil : found
                }
                return ended == status
            }

            func visit() async throws -> JSONValue {
                try await admin.expect(200, from: "GET", "/appointments/\(appointment)").json
            }
        }

        @Test(.timeLimit(.minutes(6))) func aReminderIsAnsweredAndTheAnswerToo() async throws {
            let suite = try await RunningSuite.shared.value
            let practice = try await open(suite)
            #expect(try await practice.text("we expect you on ").contains("CONFIRM, CANCEL VISIT or RESCHEDULE"))
            let before = try await practice.visit()
            #expect(before["patientConfirmedAt"] ?? .null == .null)
            try await practice.write("Confrim")
            _ = try await practice.text("is confirmed.")
            let confirmed = try await practice.visit()
            #expect(confirmed["patientConfirmedAt"]?.string != nil && confirmed["status"] == "confirmed")
            try await practice.write("What should I bring?")
            try await practice.write("RESCHEDULE")
            #expect(try await practice.text("answer with a number").contains("3) "))
            try await practice.write("2")
            _ = try await practice.text("Your appointment is now on")
            let moved = try await practice.visit()
            #expect(moved["start"] != before["start"] && moved["status"] == "confirmed")
            try await practice.write("Cancel visit")
            _ = try await practice.text("As you asked")
            #expect(try await practice.visit()["status"] == "cancelled")
            for words in ["is confirmed.", "answer with a number", "is now on", "As you asked"] {
                #expect(try await practice.texts(words).count == 1, "\(words)")
            }
            try await holdsToStop(practice)
        }

        /// Words of any language; who says stop is told that it holds, and hears nothing more until they say otherwise.
        private func holdsToStop(_ practice: Practice) async throws {
            try await practice.write("Hilfe bitte")
            _ = try await practice.text("STOP ends our messages")
            try await practice.write("ARRÊT")
            try await eventually("the stop is known", within: .seconds(60)) {
                try await practice.ended("Do you hear us?", as: "suppressed")
            }
            _ = try await practice.text("no more messages from us here")
            #expect(try await practice.ended("Are you well?", as: "suppressed"))
            #expect(try await practice.texts("Are you well?").isEmpty)
            try await practice.write("start")
            try await eventually("the stop is over", within: .seconds(60)) {
                try await !practice.ended("Are you there?", as: "suppressed")
            }
            _ = try await practice.text("Are you there?")
        }

        /// The visit's reminder a day before is due within the next minutes.
        private func open(_ suite: RunningSuite) async throws -> Practice {
            let (admin, clinic) = try await suite.makeClinic()
            let phone = "+49151\(UInt32.random(in: 10_000_000...89_999_999))"
            let webhook = try await configure(suite, clinic, admin)
            let (doctor, service) = try await staff(clinic, admin)
            let patient = try await admin.expect(
                201,
                from: "POST",
                "/patients",
                ["name": "Asha Rao", "phone": .string(phone)]
            ).json.text("id")
            let due = Instant.now() + .seconds(20)
            let start = Instant(seconds: ((due + Self.day).seconds / 60 + 1) * 60)
            let booked = try await admin.expect(
                201,
                from: "POST",
                "/appointments",
                [
                    "doctorId": .string(doctor), "patientId": .string(patient), "serviceId": .string(service),
                    "start": .string(start.rfc3339), "kind": "in_person",
                ]
            )
            return Practice(
                suite: suite,
                admin: admin,
                webhook: webhook,
                appointment: try booked.json.text("id"),
                phone: phone
            )
        }

        private func configure(_ suite: RunningSuite, _ clinic: String, _ admin: Client) async throws -> String {
            let credentials: JSONValue = [
                "accountSid": .string(Self.account), "authToken": .string(Self.token),
                "fromNumber": .string(Self.number), "endpoint": .string(suite.demo.sandbox.url + "/twilio"),
            ]
            let body: JSONValue = ["sms": ["primary": ["provider": "twilio", "credentials": credentials]]]
            let shown = try await suite.configure(clinic, body, by: admin)
            return try (shown["sms"]?["primary"] ?? .null).text("webhookUrl")
        }

        /// A doctor who is there day and night, and a short visit that costs nothing.
        private func staff(_ clinic: String, _ admin: Client) async throws -> (doctor: String, service: String) {
            let place = try await admin.expect(
                201,
                from: "POST",
                "/clinics/\(clinic)/locations",
                ["name": "Main Street", "timeZone": "Europe/Berlin", "phone": "+493012345678"]
            ).json.text("id")
            let doctor = try await admin.expect(201, from: "POST", "/doctors", ["name": "Dr. Okafor"]).json.text("id")
            let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
            let weekly = days.map { day -> JSONValue in
                ["weekday": .string(day), "locationId": .string(place), "from": "00:00", "to": "24:00"]
            }
            try await eventually("the calendar knows the location", within: .seconds(20)) {
                let hours: JSONValue = ["weekly": .array(weekly)]
                return try await admin.send("PUT", "/doctors/\(doctor)/availability", hours).status == 200
            }
            let service = try await admin.expect(
                201,
                from: "POST",
                "/services",
                ["name": "Short", "minutes": 5, "price": ["amount": 0, "currency": "EUR"]]
            ).json.text("id")
            return (doctor, service)
        }
    }
}

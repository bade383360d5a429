import Contracts
import Core

extension DemoStory {
    struct Visit: Sendable {
        var appointment: String
        var payment: String
    }

    /// A visit is booked, confirmed by e-mail, invoiced and paid.
    func bookAndPay() async throws -> Visit {
        chapter("A receptionist books a visit")
        let desk = try await person(demo.receptionist)
        let service = try await first("/services", by: desk)
        let doctors = try await desk.get("/doctors").items
        try check(doctors.contains { $0["id"]?.string == demo.doctorId }, "the doctor is not in GET /doctors")
        let patients = try await desk.get("/patients?q=Anil").items
        try check(patients.contains { $0["id"]?.string == demo.patientId }, "the patient is not in GET /patients")
        let slot = try await freeSlot(service: try service.text("id"), by: desk)
        let before = try await sandbox.get("/messages").items.count
        let appointment = try await book(slot, service: try service.text("id"), by: desk)
        let taken = try await desk.expect(409, from: "POST", "/appointments", booking(slot, try service.text("id")))
        try check(taken["code"]?.string == "slot_taken", "a second booking of the slot says \(taken.text)")
        say("the same slot again: 409 slot_taken, with the nearest free ones")
        try await confirmationArrived(after: before)
        return Visit(appointment: appointment, payment: try await pay(appointment))
    }

    private func first(_ path: String, by client: APIClient) async throws -> JSONValue {
        guard let item = try await client.get(path).items.first else { throw Unexpected("GET \(path) is empty") }
        return item
    }

    /// The first free slot from tomorrow on, in the clinic's time zone.
    private func freeSlot(service: String, by desk: APIClient) async throws -> String {
        let tomorrow = CalendarDate(daysSince1970: Int(Instant.now().seconds / 86_400) + 1)
        let path = "/doctors/\(demo.doctorId)/slots?service=\(service)&from=\(tomorrow)&to=\(tomorrow.adding(days: 30))"
        let start = try await first(path, by: desk).text("start")
        say("the first free slot of the doctor is \(start)")
        return start
    }

    private func booking(_ start: String, _ service: String) -> JSONValue {
        [
            "doctorId": .string(demo.doctorId), "patientId": .string(demo.patientId), "serviceId": .string(service),
            "start": .string(start), "kind": "in_person",
        ]
    }

    private func book(_ start: String, service: String, by desk: APIClient) async throws -> String {
        let made = try await desk.expect(201, from: "POST", "/appointments", booking(start, service))
        say("booked: \(try made.json.text("status"))")
        return try made.json.text("id")
    }

    /// Communication hears of the booking and writes to the patient.
    private func confirmationArrived(after before: Int) async throws {
        try await eventually(within: .seconds(30)) {
            let count = try await self.sandbox.get("/messages").items.count
            try self.check(count > before, "no confirmation has arrived")
        }
        say("the confirmation is in the patient's inbox")
    }

    private func pay(_ appointment: String) async throws -> String {
        chapter("The patient pays the invoice")
        let patient = try await person(demo.patient)
        let invoice = try await eventually(within: .seconds(30)) {
            let found = try await patient.get("/billing/invoices?appointment=\(appointment)").items.first
            guard let found else { throw Unexpected("billing has opened no invoice") }
            return found
        }
        let id = try invoice.text("id")
        say("invoice \(try invoice.text("number")) is open")
        let payment = try await patient.expect(
            201,
            from: "POST",
            "/billing/payments",
            ["invoiceId": .string(id), "returnUrl": .string(demo.baseURL + "/docs")]
        )
        let secret = payment["next"]?["clientSecret"]?.string ?? ""
        try check(
            payment["next"]?["type"]?.string == "client_secret" && !secret.isEmpty,
            "nothing to confirm with: \(payment.text)"
        )
        let intent = String(secret.split(separator: "_secret_").first ?? "")
        try await sandbox.expect(200, from: "POST", "/payments/\(intent)/pay", ["clientSecret": .string(secret)])
        try await paid(id, by: patient)
        say("the sandbox's signed webhook marked it paid")
        try await sandbox.expect(200, 202, from: "POST", "/webhooks/stripe/replay", ["times": 10])
        try await balanced(id)
        return try payment.json.text("id")
    }

    private func paid(_ invoice: String, by patient: APIClient) async throws {
        try await eventually(within: .seconds(30)) {
            let status = try await patient.get("/billing/invoices/\(invoice)").json.text("status")
            try self.check(status == "paid", "the invoice is \(status)")
        }
    }

    /// The same webhook ten times over pays once: one posting for the invoice, one for the payment, each balanced.
    private func balanced(_ invoice: String) async throws {
        let admin = try await person(demo.admin)
        let entries = try await admin.get("/billing/ledger/entries?invoice=\(invoice)").items
        let postings = Set(entries.compactMap { $0["postingId"]?.string })
        try check(
            postings.count == 2 && entries.count == 4,
            "the ledger has \(entries.count) entries in \(postings.count) postings"
        )
        let balance = try await admin.get("/billing/ledger/trial-balance")
        try check(balance["balanced"] == .bool(true), "the trial balance does not balance")
        say("the same webhook ten times more: still two balanced postings in the ledger")
    }
}

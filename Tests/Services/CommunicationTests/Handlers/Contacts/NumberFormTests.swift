import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import Synchronization
import TestKit
import Testing
import Vault

@testable import Communication
@testable import Sandbox

/// Patients whom WhatsApp calls by another form of their number than the clinic does.
@Suite(.timeLimit(.minutes(2))) struct NumberFormTests {
    private static let secret = "clinic-app-secret"
    private static let number = "106540352242922"

    /// A patient of a clinic that writes by WhatsApp.
    private final class Place: Sendable {
        let clinic: TestClinic
        let patient = PatientID()
        /// As the clinic has it.
        let phone: PhoneNumber
        /// As WhatsApp calls them, in digits.
        let called: String
        private let begin = Instant.now() - .seconds(30)
        /// How much they have written.
        private let count = Mutex(0)

        /// - Parameters:
        ///   - phone: what stands before the last seven digits.
        ///   - called: the same, at WhatsApp.
        init(_ phone: String, _ called: String, _ sandbox: SandboxPlace) async throws {
            clinic = try TestClinic()
            let last = 1_000_000 + clinic.clinic.low % 9_000_000
            self.phone = try #require(PhoneNumber("\(phone)\(last)"))
            self.called = "\(called)\(last)"
            try await clinic.configure(
                ConfigurationDraft(
                    clinicId: clinic.clinic,
                    whatsapp: ChannelDraft(
                        primary: .meta(
                            sandbox.url("meta"),
                            number: NumberFormTests.number,
                            secret: NumberFormTests.secret
                        )
                    )
                )
            )
            try await clinic.tell(of: patient, phone: self.phone)
        }

        /// Has Meta tell of a message from them, each a second after the one before: it tells whole seconds.
        func tell(_ content: [String: JSONValue]) async throws -> Int {
            let number = count.withLock { count in
                count += 1
                return count
            }
            var message = content
            message["from"] = .string(called)
            message["id"] = .string("wamid.\(RequestID())")
            message["timestamp"] = .string("\(begin.seconds + Int64(number))")
            let value: JSONValue = [
                "messaging_product": "whatsapp",
                "metadata": [
                    "display_phone_number": "15550783881", "phone_number_id": .string(NumberFormTests.number),
                ],
                "messages": [.object(message)],
            ]
            let body = try JSONWriter.encode(
                [
                    "object": "whatsapp_business_account",
                    "entry": [["id": "102290129340398", "changes": [["field": "messages", "value": value]]]],
                ] as JSONValue
            )
            let headers = Dictionary(uniqueKeysWithValues: Meta.sign(NumberFormTests.secret, body, .now()))
            return try await clinic.bring(body, headers: headers, by: "meta")
        }

        func write(_ text: String) async throws {
            #expect(try await tell(["type": "text", "text": ["body": .string(text)]]) == 200)
        }

        func send(about visit: AppointmentID? = nil) async throws -> Message {
            var draft = MessageDraft(
                to: RecipientDraft(patientId: patient),
                channels: [.whatsapp],
                content: MessageContent(text: "See you tomorrow at ten. Answer CONFIRM or CANCEL.")
            )
            draft.reference = visit.map { "appointment:\($0)" }
            return try await clinic.settled(try await clinic.send(draft), [.sent, .failed, .suppressed])
        }

        func conversations() async throws -> [Conversation] {
            try #require(try await clinic.ask(MessageDesk.endpoints.conversations.list, .init()).output?.items)
        }

        func contacts() async throws -> Int64 {
            let id = clinic.clinic
            return try await clinic.desk.database.inspect("select count(*) from contacts where clinic_id = \(id)") {
                try $0[0][0]
            }
        }
    }

    /// Before the last seven digits: as the clinic has it, and as WhatsApp calls it.
    private static let forms = [
        ("+52558", "521558"), ("+521558", "52558"), ("+54112", "549112"), ("+5411152", "549112"), ("+549112", "54112"),
        ("+554198", "55418"), ("+55418", "554198"),
    ]

    @Test(arguments: forms) func aReplyIsTheirsWhateverTheyAreCalled(phone: String, called: String) async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(phone, called, sandbox)
            // Whoever writes may be written to, by the number that the clinic has.
            try await place.write("Hello")
            let visit = AppointmentID()
            let reminder = try await place.send(about: visit)
            #expect(reminder.status == .sent && reminder.to?.phone == place.phone)
            #expect(try await sandbox.received(for: place.phone.number).count == 1)
            try await place.write("CONFIRM")
            let confirmed = try #require(try await place.clinic.toldOfTexts().last)
            #expect(confirmed.command == "confirm" && confirmed.appointmentId == visit)
            #expect(confirmed.patientIds == [place.patient])
            let conversations = try await place.conversations()
            #expect(conversations.map(\.patientIds) == [[place.patient]])
            #expect(try await place.contacts() == 1)
            try await place.write("STOP")
            #expect(try await place.clinic.suppressionReasons() == ["stop"])
            #expect(try await place.send().status == .suppressed)
            try await place.write("START")
            #expect(try await place.clinic.suppressionReasons().isEmpty)
            #expect(try await place.send().status == .sent)
        }
    }

    /// A report that names them as the provider does is about them.
    @Test(arguments: forms) func whatBecameOfAMessageIsAboutThem(phone: String, called: String) async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(phone, called, sandbox)
            try await place.write("Hello")
            let message = try await place.send()
            let entries = try await place.clinic.desk.sending.resolver.resolve(place.clinic.clinic, channel: "whatsapp")
            let entry = try #require(entries.entries.first)
            try await place.clinic.tell(.hardBounce, of: message.id, about: "+\(place.called)9", through: entry)
            #expect(try await place.clinic.message(message.id).status == .sent)
            try await place.clinic.tell(.delivered, of: message.id, about: "+\(place.called)", through: entry)
            #expect(try await place.clinic.message(message.id).status == .delivered)
        }
    }

    /// What was kept when numbers were found as they were written holds until they take it back.
    @Test(arguments: forms) func whatWasKeptUnderTheOtherFormHolds(phone: String, called: String) async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(phone, called, sandbox)
            try await place.write("Hello")
            let (clinic, form) = (place.clinic.clinic, "+\(place.called)")
            let index = place.clinic.desk.blindIndex.token(form, purpose: AddressIndex.purpose, clinic: clinic)
            let suppressions = SuppressionStore(dataKeys: place.clinic.desk.dataKeys)
            try await place.clinic.desk.database.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
                _ = try suppressions.add(
                    channel: .whatsapp,
                    addressIndex: index,
                    address: form,
                    reason: .stop,
                    source: "keyword",
                    at: .now() - .seconds(3_600),
                    in: tx
                )
            }
            #expect(try await place.send().status == .suppressed)
            try await place.write("START")
            #expect(try await place.clinic.suppressionReasons().isEmpty)
            #expect(try await place.send().status == .sent)
        }
    }

    /// To another form of the number that they had they have not changed.
    @Test(arguments: forms) func whoIsCalledOtherwiseStaysWhoTheyAre(phone: String, called: String) async throws {
        try await SandboxPlace.with { sandbox in
            let place = try await Place(phone, called, sandbox)
            try await place.write("Hello")
            let system: JSONValue = [
                "type": "user_changed_number", "wa_id": .string(String(place.phone.number.dropFirst())),
                "body": "User A changed their number",
            ]
            #expect(try await place.tell(["type": "system", "system": system]) == 200)
            try await place.write("STOP")
            #expect(try await place.conversations().map(\.patientIds) == [[place.patient]])
            #expect(try await place.contacts() == 1)
            #expect(try await place.send().status == .suppressed)
        }
    }
}

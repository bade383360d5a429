import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

/// Patients who share a number or an address: what one of them does or suffers is not the other's.
@Suite(.timeLimit(.minutes(3))) struct FamilyTests {
    /// A mother and her child, at one clinic.
    private struct Family: Sendable {
        let clinic: TestClinic
        let mother = PatientID()
        let child = PatientID()
        let phone: PhoneNumber
        /// The address that both have.
        let home: String

        init() throws {
            clinic = try TestClinic()
            phone = try #require(PhoneNumber("+49152\(10_000_000 + clinic.clinic.low % 80_000_000)"))
            home = "home\(clinic.clinic.low)@example.com"
        }

        func tell(_ id: PatientID, email: String) async throws {
            try await clinic.tell(of: id, email: email, phone: phone)
        }

        func send(
            to patient: PatientID,
            by channels: [MessageChannel],
            category: MessageCategory = .care,
            about visit: AppointmentID? = nil
        ) async throws -> Message {
            var draft = MessageDraft(
                to: RecipientDraft(patientId: patient),
                channels: channels,
                content: MessageContent(subject: "Hello", text: "See you tomorrow."),
                category: category
            )
            draft.reference = visit.map { "appointment:\($0)" }
            let ends: Set<MessageStatus> = [.sent, .failed, .unknown, .suppressed]
            return try await clinic.settled(try await clinic.send(draft), ends)
        }

        func write(_ text: String) async throws {
            try await clinic.take(
                InboundText(
                    channel: .sms,
                    to: "+15005550006",
                    from: phone,
                    text: text,
                    media: [],
                    providerMessageID: "SM\(RequestID())"
                )
            )
        }

        /// What others are told of what was written, in order.
        func told() async throws -> [InboundMessageReceived] {
            let id = clinic.clinic
            return try await clinic.desk.database.inspect(
                "select payload from outbox where clinic_id = \(id) and name = 'message.received' order by position"
            ) { rows in try rows.map { try JSONTape(try $0[0]).decode(InboundMessageReceived.self) } }
        }

        func suppressions() async throws -> Int64 {
            let id = clinic.clinic
            return try await clinic.desk.database.inspect(
                "select count(*) from suppressions where clinic_id = \(id)"
            ) { try $0[0][0] }
        }
    }

    private func configure(_ clinic: TestClinic, _ sandbox: SandboxPlace) async throws {
        try await clinic.configure(
            email: [.sendgrid(sandbox.url("sendgrid"))],
            sms: [.texts("twilio", at: sandbox.url("twilio")), .texts("aws_sns", at: sandbox.url("aws_sns"))]
        )
    }

    /// STOP ends texts to the number, through whatever sender; it takes nobody's e-mail away, and no other clinic's texts.
    @Test func aStopEndsTheNumbersTextsAlone() async throws {
        try await SandboxPlace.with { sandbox in
            let (family, other) = (try Family(), try TestClinic())
            try await configure(family.clinic, sandbox)
            try await configure(other, sandbox)
            try await family.tell(family.mother, email: family.home)
            try await family.tell(family.child, email: "child\(family.clinic.clinic.low)@example.com")
            try await family.write("STOP")
            for patient in [family.mother, family.child] {
                let text = try await family.send(to: patient, by: [.sms])
                #expect(text.status == .suppressed && text.attempts.allSatisfy { $0.outcome == .skippedSuppressed })
                let mail = try await family.send(to: patient, by: [.sms, .email])
                #expect(mail.status == .sent && mail.channel == .email)
            }
            #expect(try await sandbox.received(for: family.phone.number).isEmpty)
            let draft = MessageDraft(
                to: RecipientDraft(phone: family.phone),
                channels: [.sms],
                content: MessageContent(text: "Hello")
            )
            #expect(try await other.settled(try await other.send(draft)).status == .sent)
        }
    }

    /// A bounce or a complaint is about the address that it names, whoever else is on the provider's list.
    @Test(arguments: [DeliveryEvent.hardBounce, .complained, .dropped, .optedOut])
    func whatHappensToOneAddressLeavesTheOther(event: DeliveryEvent) async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            let clinic = family.clinic
            try await configure(clinic, sandbox)
            let own = "child\(clinic.clinic.low)@example.com"
            try await family.tell(family.mother, email: family.home)
            try await family.tell(family.child, email: own)
            let entry = try #require(try await clinic.configuredEntry())
            let message = try await family.send(to: family.mother, by: [.email])
            // Told of her message and naming the child: it is about neither.
            try await clinic.tell(event, of: message.id, about: own, through: entry)
            #expect(try await clinic.message(message.id).status == .sent)
            #expect(try await family.suppressions() == 0)
            try await clinic.tell(event, of: message.id, about: family.home, through: entry)
            #expect(try await family.suppressions() == 1)
            #expect(try await family.send(to: family.mother, by: [.email]).status == .suppressed)
            #expect(try await family.send(to: family.child, by: [.email]).status == .sent)
            // Nobody's telephone is concerned.
            #expect(try await family.send(to: family.mother, by: [.email, .sms]).channel == .sms)
        }
    }

    /// What somebody chooses is theirs, though the address is everybody's.
    @Test func onesChoiceIsNotTheOthers() async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            try await configure(family.clinic, sandbox)
            for patient in [family.mother, family.child] { try await family.tell(patient, email: family.home) }
            let draft = ContactPreferencesDraft(
                contactId: family.mother.retagged(),
                categories: [CategoryPreference(category: .billing, channels: [])]
            )
            #expect(try await family.clinic.ask(MessageDesk.endpoints.preferences.put, draft).status == 200)
            #expect(try await family.send(to: family.mother, by: [.email], category: .billing).status == .suppressed)
            #expect(try await family.send(to: family.child, by: [.email], category: .billing).status == .sent)
            #expect(try await sandbox.received(for: family.home).count == 1)
        }
    }

    /// Nobody sees in their own account what went to the shared number or address for somebody else.
    @Test func nobodySeesTheOthersMessages() async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            try await configure(family.clinic, sandbox)
            for patient in [family.mother, family.child] { try await family.tell(patient, email: family.home) }
            let mothers = try await family.send(to: family.mother, by: [.sms])
            let childs = try await family.send(to: family.child, by: [.sms])
            let principal = Principal(kind: .user, id: "\(UserID())", roles: ["PATIENT"], patient: family.mother)
            let scope = Scope.own(family.mother)
            let endpoints = MessageDesk.endpoints.messages
            for request in [
                MessageListRequest(), MessageListRequest(recipient: family.phone.number),
                MessageListRequest(patientId: family.child),
            ] {
                let seen = try await family.clinic.ask(endpoints.list, request, as: principal, scope: scope)
                let expected = request.patientId == nil ? [mothers.id] : []
                #expect(seen.output?.items.map(\.id) == expected)
            }
            for (id, status) in [(mothers.id, 200), (childs.id, 404)] {
                let path = MessagePath(id: id)
                let answer = try await family.clinic.ask(endpoints.read, path, as: principal, scope: scope)
                #expect(answer.status == status)
            }
            // What is written from the shared telephone may be about either.
            try await family.write("Can I come earlier?")
            let list = MessageDesk.endpoints.conversations.list
            let found = try await family.clinic.ask(list, ConversationSearch(), as: principal, scope: scope)
            #expect(found.output?.items.isEmpty == true)
        }
    }

    /// Both were told of their visits at about the same time: nobody knows whose a reply calls off.
    @Test func aReplyThatMayBeAboutEitherIsAboutNone() async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            try await configure(family.clinic, sandbox)
            for patient in [family.mother, family.child] { try await family.tell(patient, email: family.home) }
            let (hers, its) = (AppointmentID(), AppointmentID())
            _ = try await family.send(to: family.mother, by: [.sms], about: hers)
            try await family.write("CANCEL")
            _ = try await family.send(to: family.child, by: [.sms], about: its)
            try await family.write("CANCEL")
            // Hers was long ago: the last one is meant.
            let (clinic, mother) = (family.clinic.clinic, family.mother)
            try await family.clinic.desk.database.database.transaction(for: Tenant(clinic, actor: "test")) { tx in
                tx.execute(
                    """
                    update message_attempts a set started_at = started_at - interval '1 day' from messages m
                    where a.clinic_id = clinic_id() and m.clinic_id = clinic_id() and m.id = a.message_id
                        and m.patient_id = \(mother)
                    """
                )
            }
            try await family.write("CANCEL")
            let told = try await family.told()
            #expect(told.map(\.command) == ["cancel", "cancel", "cancel"])
            #expect(told.map(\.appointmentId) == [hers, nil, its])
            #expect(told.allSatisfy { Set($0.patientIds ?? []) == [family.mother, family.child] })
        }
    }

    /// Times were offered for one visit, and then another was told of: by a number that may be meant, so that no visit is moved.
    @Test func aNumberIsAboutTheVisitThatWasToldOfLast() async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            try await configure(family.clinic, sandbox)
            try await family.tell(family.mother, email: family.home)
            let (offered, other) = (AppointmentID(), AppointmentID())
            _ = try await family.send(to: family.mother, by: [.sms], about: offered)
            let template = AnswerRules.template(for: .offered)
            let tenant = Tenant(family.clinic.clinic, actor: "test")
            try await family.clinic.desk.database.database.transaction(for: tenant) { tx in
                tx.execute("update messages set template = \(template) where clinic_id = clinic_id()")
            }
            try await family.write("1")
            _ = try await family.send(to: family.mother, by: [.sms], about: other)
            try await family.write("1")
            try await family.write("CONFIRM")
            let told = try await family.told()
            #expect(told.map(\.choice) == [1, 1, nil] && told.map(\.command) == [nil, nil, "confirm"])
            #expect(told.map(\.appointmentId) == [offered, other, nil])
        }
    }

    /// Two reminders of one patient go out together when the night is over; of one visit several texts may tell.
    @Test func aReplyThatMayBeAboutEitherVisitIsAboutNone() async throws {
        try await SandboxPlace.with { sandbox in
            let family = try Family()
            try await configure(family.clinic, sandbox)
            try await family.tell(family.mother, email: family.home)
            let (first, second) = (AppointmentID(), AppointmentID())
            for _ in 0..<2 { _ = try await family.send(to: family.mother, by: [.sms], about: first) }
            try await family.write("CONFIRM")
            _ = try await family.send(to: family.mother, by: [.sms], about: second)
            try await family.write("CONFIRM")
            // What is called off is not meant.
            var visit = ToldVisit(clinic: family.clinic)
            (visit.patient, visit.appointment) = (family.mother, first)
            try await visit.tell(AppointmentChanged(appointment: try visit.state(.cancelled)), "\(first)", 1)
            try await family.write("CONFIRM")
            let told = try await family.told()
            #expect(told.map(\.appointmentId) == [first, nil, second])
            // Nor is anything else changed by who says once more what the last text was about.
            _ = try await family.send(to: family.mother, by: [.sms], about: first)
            try await family.write("CANCEL")
            #expect(try await family.told().last?.appointmentId == first)
        }
    }
}

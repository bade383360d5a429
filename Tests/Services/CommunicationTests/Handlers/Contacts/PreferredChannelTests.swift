import AccessAPI
import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import TestKit
import Testing

@testable import Communication

/// What the recipients' preferences do to messages.
@Suite(.timeLimit(.minutes(2))) struct PreferredChannelTests {
    private func patient(_ clinic: TestClinic, _ email: String) async throws -> PatientID {
        let id = PatientID()
        try await clinic.tell(of: id, email: email)
        return id
    }

    private func prefer(_ clinic: TestClinic, _ patient: PatientID, _ preference: CategoryPreference) async throws {
        let draft = ContactPreferencesDraft(
            contactId: patient.retagged(),
            timeZone: TimeZoneName("UTC"),
            categories: [preference]
        )
        let answer = try await clinic.ask(MessageDesk.endpoints.preferences.put, draft)
        try #require(answer.status == 200)
    }

    private func draft(_ to: RecipientDraft, _ category: MessageCategory = .care) -> MessageDraft {
        MessageDraft(to: to, content: MessageContent(subject: "Hello", text: "Hello"), category: category)
    }

    @Test func whoWantsNoneGetsNone() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "a@example.org")
        try await prefer(clinic, patient, CategoryPreference(category: .billing, channels: [.sms]))
        let answer = try await clinic.ask(
            MessageDesk.endpoints.messages.send,
            draft(RecipientDraft(contactId: patient.retagged()), .billing)
        )
        // The reply says that it was taken in, and the message itself at once what became of it.
        #expect(answer.status == 202 && answer.output?.status == .queued)
        let message = try await clinic.message(try #require(answer.output?.id))
        #expect(message.status == .suppressed && message.reason?.code == "suppressed_preference")
        #expect(message.patientId == patient && message.attempts.isEmpty)
    }

    /// Whoever sends it again at once does not send it past what its recipient wants.
    @Test func whatIsSentAgainIsHeldAgainstThePreferencesAgain() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "again@example.org")
        try await prefer(clinic, patient, CategoryPreference(category: .billing, channels: [.sms]))
        let id = try await clinic.send(draft(RecipientDraft(contactId: patient.retagged()), .billing))
        #expect(try await clinic.message(id).status == .suppressed)
        let again = try await clinic.ask(MessageDesk.endpoints.messages.retry, MessagePath(id: id))
        #expect(again.status == 200 && again.output?.status == .queued)
        let message = try await clinic.settled(id, [.suppressed, .sent, .failed])
        #expect(message.status == .suppressed && message.reason?.code == "suppressed_preference")
        #expect(message.attempts.isEmpty)
    }

    /// Who says nothing more of it has not agreed to it.
    @Test func marketingThatWasDeclinedStaysSo() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "d@example.org")
        func put(_ categories: [CategoryPreference]) async throws -> [Consent] {
            let draft = ContactPreferencesDraft(contactId: patient.retagged(), categories: categories)
            return try #require(try await clinic.ask(MessageDesk.endpoints.preferences.put, draft).output?.consents)
        }
        func reason(_ category: MessageCategory) async throws -> String? {
            let id = try await clinic.send(draft(RecipientDraft(patientId: patient), category))
            return try await clinic.message(id).reason?.code
        }
        let care = CategoryPreference(category: .care, channels: [.sms])
        let declined = try await put([CategoryPreference(category: .marketing, channels: []), care])
        #expect(try await reason(.marketing) == "suppressed_preference")
        #expect(try await reason(.care) == "suppressed_preference")
        let quiet = QuietTime(from: try #require(TimeOfDay("22:00")), to: try #require(TimeOfDay("07:00")))
        for categories in [[], [CategoryPreference(category: .marketing, quietHours: quiet)]] {
            #expect(try await put(categories) == declined.filter { $0.category == .marketing })
            #expect(try await reason(.marketing) == "suppressed_preference")
            // What they are treated for reaches them as the clinic chooses.
            #expect(try await reason(.care) == nil)
        }
        let agreed = try await put([CategoryPreference(category: .marketing, channels: [.email])])
        #expect(agreed.filter(\.granted).map(\.channel) == [.email])
        #expect(try await reason(.marketing) == nil)
    }

    @Test func whatNobodyWantsIsAcceptedAmongOthersToo() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "b@example.org")
        try await prefer(clinic, patient, CategoryPreference(category: .billing, channels: [.sms]))
        let to = RecipientDraft(patientId: patient)
        let batch = MessageBatch(
            messages: try [draft(to, .billing), draft(to)].map { RawJSON(try JSONWriter.encode($0)) }
        )
        let answer = try await clinic.ask(MessageDesk.endpoints.messages.sendBatch, batch)
        let items = try #require(answer.output?.items)
        #expect(items.count == 2 && items.allSatisfy { $0.problem == nil })
        let message = try await clinic.message(try #require(items[0].id))
        #expect(message.status == .suppressed && message.reason?.code == "suppressed_preference")
    }

    @Test func contactsAreReachedByID() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            try await clinic.configure(.resend(sandbox.url("resend")))
            try await other.configure(.resend(sandbox.url("resend")))
            let patient = try await patient(clinic, "c\(clinic.clinic.low)@example.com")
            let to = RecipientDraft(contactId: patient.retagged())
            #expect(try await clinic.settled(try await clinic.send(draft(to))).status == .sent)
            let send = MessageDesk.endpoints.messages.send
            #expect(try await other.ask(send, draft(to)).pointers == ["/to/contactId"])
            #expect(
                try await clinic.ask(send, draft(RecipientDraft(patientId: patient, contactId: patient.retagged())))
                    .pointers
                    == ["/to/contactId"]
            )
            #expect(try await clinic.ask(send, draft(RecipientDraft())).pointers == ["/to"])
        }
    }

    /// What was accepted a while ago is held against what its recipient wants when it is to be sent.
    @Test(arguments: [nil, [MessageChannel.email]])
    func aWishOfAfterwardsEndsWhatWaits(channels: [MessageChannel]?) async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "w@example.org")
        var draft = draft(RecipientDraft(patientId: patient))
        draft.channels = channels
        draft.sendAt = .now() + CurrentPreferences.freshFor + .seconds(1)
        let id = try await clinic.send(draft)
        try await prefer(clinic, patient, CategoryPreference(category: .care, channels: []))
        let message = try await clinic.settled(id, [.suppressed, .sent, .failed, .unknown])
        #expect(message.status == .suppressed && message.reason?.code == "suppressed_preference")
        #expect(message.attempts.isEmpty)
    }

    @Test func quietHoursOfAfterwardsAreWaitedFor() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "v@example.org")
        var draft = draft(RecipientDraft(patientId: patient))
        draft.sendAt = .now() + CurrentPreferences.freshFor + .seconds(1)
        let id = try await clinic.send(draft)
        let minute = Int(Instant.now().microseconds.flooredDivision(by: 60_000_000) % 1_440)
        let night = QuietTime(
            from: try #require(TimeOfDay(minutes: (minute + 1_380) % 1_440)),
            to: try #require(TimeOfDay(minutes: (minute + 120) % 1_440))
        )
        try await prefer(clinic, patient, CategoryPreference(category: .care, quietHours: night))
        let held = try await eventually("the message waits for the morning", within: .seconds(30)) {
            let message = try await clinic.message(id)
            return message.waitingFor == .quietHours ? message : nil
        }
        #expect(held.attempts.isEmpty && held.status == .queued)
        #expect(try #require(held.nextAttemptAt) > .now() + .seconds(3_600))
    }

    @Test func quietHoursAreWaitedFor() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "q@example.org")
        let allDay = QuietTime(from: try #require(TimeOfDay("00:00")), to: try #require(TimeOfDay("24:00")))
        try await prefer(clinic, patient, CategoryPreference(category: .care, quietHours: allDay))
        let id = try await clinic.send(draft(RecipientDraft(patientId: patient)))
        let message = try await clinic.message(id)
        #expect(message.status == .queued && message.waitingFor == .quietHours)
        let next = try #require(message.nextAttemptAt)
        #expect(next > .now() && next <= .now() + .seconds(86_400))
        // Nobody sleeps through what cannot wait.
        var urgent = draft(RecipientDraft(patientId: patient))
        urgent.priority = .critical
        let now = try await clinic.message(try await clinic.send(urgent))
        #expect(now.waitingFor != .quietHours)
        let billing = try await clinic.message(
            try await clinic.send(draft(RecipientDraft(patientId: patient), .billing))
        )
        #expect(billing.waitingFor != .quietHours)
    }

    /// The account that a patient signs in with, as access tells of it.
    private func account(
        _ clinic: TestClinic,
        of patient: PatientID,
        _ notices: [NoticePreference],
        locale: String? = nil,
        version: Int64 = 1,
        deleted: Bool = false
    ) async throws {
        let now = Instant.now()
        let user = UserID(high: patient.high, low: patient.low)
        let member = Member(
            id: user,
            clinicId: clinic.clinic,
            email: EmailAddress("p@example.org"),
            name: "Asha Rao",
            status: .active,
            roles: [],
            patientId: patient,
            doctorId: nil,
            createdAt: now,
            updatedAt: now
        )
        try await clinic.desk.take(
            try EventEnvelope(
                UserChanged(
                    user: member,
                    locale: locale,
                    timeZone: TimeZoneName("UTC"),
                    notices: notices,
                    deleted: deleted
                ),
                clinicId: clinic.clinic,
                actor: "user:1",
                at: now,
                aggregateId: "\(user)",
                aggregateVersion: version
            )
        )
    }

    /// An account that is not the patient's any more shows their notices on its phone no longer.
    @Test func devicesGoWithTheAccount() async throws {
        let clinic = try TestClinic()
        let (patient, other) = (try await patient(clinic, "t@example.org"), try await patient(clinic, "u@example.org"))
        let contact: ContactID = patient.retagged()
        try await account(clinic, of: patient, [])
        for held in [contact, other.retagged()] {
            #expect(try await clinic.register("fGToken\(held.low):APA91b", of: held).status == 201)
        }
        try await account(clinic, of: patient, [], version: 2)
        #expect(try await clinic.devices(of: contact).count == 1)
        try await account(clinic, of: patient, [], version: 3, deleted: true)
        #expect(try await clinic.devices(of: contact).isEmpty)
        #expect(try await clinic.devices(of: other.retagged()).count == 1)
        // Told once more, it takes nothing from who is there now.
        #expect(try await clinic.register("fGTokenOfAnother:APA91b", of: contact).status == 201)
        try await account(clinic, of: patient, [], version: 3, deleted: true)
        #expect(try await clinic.devices(of: contact).count == 1)
    }

    @Test func whatWaitsGoesWhenTheAccountLiftsItsHours() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let patient = try await patient(clinic, "l\(clinic.clinic.low)@example.com")
            let allDay = QuietHours(from: try #require(TimeOfDay("00:00")), to: try #require(TimeOfDay("24:00")))
            try await account(clinic, of: patient, [NoticePreference(kind: .clinicMessage, quietHours: allDay)])
            let id = try await clinic.send(draft(RecipientDraft(patientId: patient)))
            #expect(try await clinic.message(id).waitingFor == .quietHours)
            try await account(clinic, of: patient, [], version: 2)
            #expect(try await clinic.settled(id).attempts.map(\.outcome) == [.accepted])
        }
    }

    @Test func theAccountsChoiceHoldsToo() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let patient = try await patient(clinic, "n@example.org")
        let to = RecipientDraft(patientId: patient)
        try await account(clinic, of: patient, [NoticePreference(kind: .clinicMessage, channels: [.sms])], version: 2)
        func isKept(_ category: MessageCategory = .care) async throws -> Bool {
            try await clinic.message(try await clinic.send(draft(to, category))).status == .suppressed
        }
        #expect(try await isKept())
        // An older version changes nothing; other kinds are not concerned.
        try await account(clinic, of: patient, [], version: 1)
        #expect(try await isKept())
        #expect(try await !isKept(.marketing))
        // Without the account there is no choice of it.
        try await account(clinic, of: patient, [], version: 3, deleted: true)
        #expect(try await !isKept())
    }

    /// What somebody has chosen for themselves goes before what the clinic has noted, and what is chosen for its messages before both.
    @Test func theAccountIsWrittenToInItsLanguage() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        let (patient, other) = (PatientID(), PatientID())
        for id in [patient, other] { try await clinic.tell(of: id, email: "k@example.org", locale: "en-IN") }
        func said(to patient: PatientID, _ locale: String? = nil) async throws -> [String?] {
            let draft = MessageDraft(
                to: RecipientDraft(patientId: patient),
                template: BuiltInTemplates.appointmentReminder,
                data: [
                    "clinicName": "Lindenhof", "patientName": "Asha", "doctorName": "Dr. O", "serviceName": "C",
                    "date": "2026-10-21", "time": "10:30", "timeZone": "Europe/Berlin",
                ],
                locale: locale,
                sendAt: .now() + .seconds(3_600)
            )
            let message = try await clinic.message(try await clinic.send(draft))
            let dates = ["21 October 2026", "21. Oktober 2026", "21 अक्टूबर 2026"]
            return [message.locale, dates.first { message.content?.text.contains($0) == true }]
        }
        #expect(try await said(to: patient) == ["en-IN", "21 October 2026"])
        try await account(clinic, of: patient, [], locale: "de-AT")
        #expect(try await said(to: patient) == ["de-AT", "21. Oktober 2026"])
        #expect(try await said(to: patient, "hi") == ["hi", "21 अक्टूबर 2026"])
        #expect(try await said(to: other) == ["en-IN", "21 October 2026"])
        try await account(clinic, of: patient, [], version: 2)
        #expect(try await said(to: patient) == ["en-IN", "21 October 2026"])
        try await account(clinic, of: patient, [], locale: "de-AT", version: 3)
        let chosen = ContactPreferencesDraft(contactId: patient.retagged(), locale: "hi-IN", categories: [])
        try #require(try await clinic.ask(MessageDesk.endpoints.preferences.put, chosen).status == 200)
        #expect(try await said(to: patient) == ["hi-IN", "21 अक्टूबर 2026"])
        let none = ContactPreferencesDraft(contactId: patient.retagged(), categories: [])
        try #require(try await clinic.ask(MessageDesk.endpoints.preferences.put, none).status == 200)
        #expect(try await said(to: patient) == ["de-AT", "21. Oktober 2026"])
        // Without the account there is no language of it.
        try await account(clinic, of: patient, [], locale: "de-AT", version: 4, deleted: true)
        #expect(try await said(to: patient) == ["en-IN", "21 October 2026"])
    }

    @Test func theClinicsNightIsEverybodys() async throws {
        let clinic = try TestClinic()
        let allDay = QuietTime(from: try #require(TimeOfDay("00:00")), to: try #require(TimeOfDay("24:00")))
        let configuration = ConfigurationDraft(
            clinicId: clinic.clinic,
            email: ChannelDraft(primary: .smtp(port: 9)),
            settings: CommunicationSettings(quietHours: allDay)
        )
        let put = MessageDesk.endpoints.configuration.put
        let answer = try await clinic.ask(put, configuration, ifNoneMatch: "*")
        #expect(answer.output?.settings.quietHours == allDay)
        // Whose night it is nobody knows until the clinic itself is known.
        let unknown = try await clinic.message(try await clinic.send(to: "x@example.org"))
        #expect(unknown.waitingFor != .quietHours)
        try await clinic.tellOfItself()
        let held = try await clinic.message(try await clinic.send(to: "x@example.org"))
        #expect(held.status == .queued && held.waitingFor == .quietHours && held.nextAttemptAt != nil)
        var wrong = configuration
        wrong.settings?.quietHours?.to = allDay.from
        let refused = try await clinic.ask(put, wrong, ifMatch: answer.version)
        #expect(refused.pointers == ["/settings/quietHours"])
    }
}

extension TestClinic {
    /// The clinic as access tells of it.
    func tellOfItself(
        zone: String = "Europe/Berlin",
        status: Clinic.Status = .active,
        version: Int64 = 1
    ) async throws {
        let now = Instant.now()
        let state = Clinic(
            id: clinic,
            slug: try #require(Slug("clinic")),
            name: "Lindenhof",
            timeZone: try #require(TimeZoneName(zone)),
            currency: try #require(Currency("EUR")),
            country: "DE",
            locale: "de-DE",
            branding: nil,
            status: status,
            createdAt: now,
            updatedAt: now
        )
        try await desk.take(
            try EventEnvelope(
                ClinicChanged(clinic: state),
                clinicId: clinic,
                actor: "user:1",
                at: now,
                aggregateId: "\(clinic)",
                aggregateVersion: version
            )
        )
    }
}

import CommunicationAPI
import Contracts
import Core
import Jobs
import Postgres
import Resilience
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct AlertTests {
    private let endpoints = MessageDesk.endpoints.alerts

    private func route(_ alert: AlertKind, _ email: String, channels: [MessageChannel]? = nil) -> AlertRoute {
        AlertRoute(alert: alert, to: [AlertRecipient(email: EmailAddress(email), channels: channels)])
    }

    private func put(_ clinic: TestClinic, _ routes: [AlertRoute], ifMatch: String? = nil) async throws
        -> TestClinic.Answer<AlertRoutes>
    {
        try await clinic.ask(endpoints.put, AlertRoutesDraft(clinicId: clinic.clinic, routes: routes), ifMatch: ifMatch)
    }

    private func unrouted(_ clinic: TestClinic) async throws -> [AlertKind] {
        let path = ConfigurationPath(clinicId: clinic.clinic)
        return try #require(try await clinic.ask(MessageDesk.endpoints.health.read, path).output?.unroutedAlerts)
    }

    /// The clinic's messages about an alert.
    private func messages(_ clinic: TestClinic, _ alert: AlertKind) async throws -> [Message] {
        let request = MessageListRequest(reference: "alert:\(alert.rawValue)")
        return try #require(try await clinic.ask(MessageDesk.endpoints.messages.list, request).output?.items)
    }

    @Test func routesAreSetAndShown() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        for clinic in [clinic, other] { try await clinic.configure(.smtp(port: 9)) }
        let path = ConfigurationPath(clinicId: clinic.clinic)
        let none = try await clinic.ask(endpoints.read, path)
        #expect(none.output?.routes == [] && none.version == "\"0\"")
        #expect(try await unrouted(clinic) == AlertKind.allCases)
        let routes = [
            route(.circuitOpened, "it@example.org"), route(.deadLetters, "it@example.org", channels: [.email]),
        ]
        let first = try await put(clinic, routes, ifMatch: none.version)
        #expect(first.status == 200 && first.version == "\"1\"" && first.output?.routes == routes)
        #expect(try await put(clinic, [], ifMatch: none.version).status == 412)
        #expect(try await clinic.ask(endpoints.read, path).output?.routes == routes)
        let routed = Set(routes.map(\.alert))
        #expect(try await unrouted(clinic) == AlertKind.allCases.filter { !routed.contains($0) })
        #expect(try await unrouted(other) == AlertKind.allCases)
        #expect(try await put(clinic, [], ifMatch: first.version).version == "\"2\"")
        #expect(try await unrouted(clinic) == AlertKind.allCases)
    }

    /// Routes name people, and people are told by channels: where there is no provider for any of theirs nobody is told.
    @Test func aRouteThatNobodyIsReachedByIsNone() async throws {
        let clinic = try TestClinic()
        let phone = PhoneNumber("+4930123456")
        func isRouted(_ to: AlertRecipient...) async throws -> Bool {
            #expect(try await put(clinic, [AlertRoute(alert: .deadLetters, to: to)]).status == 200)
            return try await !unrouted(clinic).contains(.deadLetters)
        }
        let mail = AlertRecipient(email: EmailAddress("it@example.org"))
        #expect(try await !isRouted(mail))
        try await clinic.configure(
            sms: [.twilio("http://127.0.0.1:9")],
            settings: CommunicationSettings(allowDefault: false)
        )
        #expect(try await !isRouted(mail))
        #expect(try await isRouted(mail, AlertRecipient(phone: phone)))
        #expect(try await isRouted(AlertRecipient(email: mail.email, phone: phone)))
        // Who is to be told by mail or WhatsApp alone is not told by SMS.
        #expect(try await !isRouted(AlertRecipient(email: mail.email, phone: phone, channels: [.email, .whatsapp])))
        try await clinic.configure(.smtp(port: 9))
        #expect(try await isRouted(mail))
        #expect(try await !isRouted(AlertRecipient(phone: phone)))
    }

    /// Alerts are messages about an account: what keeps those from an address keeps alerts from it.
    @Test func whoseAddressIsSuppressedIsNotReached() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(email: [.smtp(port: 9)], sms: [.twilio("http://127.0.0.1:9")])
        func suppress(_ address: String, _ reason: SuppressionReason, of category: MessageCategory?) async throws {
            let draft = SuppressionDraft(channel: .email, address: address, category: category, reason: reason)
            let answer = try await clinic.ask(MessageDesk.endpoints.suppressions.create, draft)
            try #require(answer.status == 201, "\(String(describing: answer.problem))")
        }
        func isRouted(_ to: AlertRecipient...) async throws -> Bool {
            #expect(try await put(clinic, [AlertRoute(alert: .deadLetters, to: to)]).status == 200)
            return try await !unrouted(clinic).contains(.deadLetters)
        }
        let (bounced, declined) = ("bounced@example.org", "declined@example.org")
        let mail = AlertRecipient(email: EmailAddress(bounced))
        #expect(try await isRouted(mail))
        try await suppress(bounced, .hardBounce, of: nil)
        #expect(try await !isRouted(mail))
        // Another address of theirs, or of somebody else, is one.
        let phone = PhoneNumber("+4930123456")
        #expect(try await isRouted(AlertRecipient(email: mail.email, phone: phone)))
        #expect(try await !isRouted(AlertRecipient(email: mail.email, phone: phone, channels: [.email])))
        #expect(try await isRouted(mail, AlertRecipient(email: EmailAddress(declined))))
        // Who wants no offers is told of what fails, unless they want that no more either.
        try await suppress(declined, .unsubscribe, of: .marketing)
        #expect(try await isRouted(AlertRecipient(email: EmailAddress(declined))))
        try await suppress(declined, .manual, of: .security)
        #expect(try await !isRouted(AlertRecipient(email: EmailAddress(declined))))
    }

    /// Nobody has written to the clinic when something fails, and WhatsApp then takes only what it has approved.
    @Test func byWhatsAppAloneOnlyAnApprovedTextReachesAnybody() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(
            ConfigurationDraft(
                clinicId: clinic.clinic,
                sms: ChannelDraft(primary: .twilio("http://127.0.0.1:9")),
                whatsapp: ChannelDraft(primary: .meta("http://127.0.0.1:9"))
            )
        )
        let phone = PhoneNumber("+4930123456")
        func isRouted(_ channels: [MessageChannel]?) async throws -> Bool {
            let route = AlertRoute(alert: .deadLetters, to: [AlertRecipient(phone: phone, channels: channels)])
            #expect(try await put(clinic, [route]).status == 200)
            return try await !unrouted(clinic).contains(.deadLetters)
        }
        #expect(try await !isRouted([.whatsapp]))
        #expect(try await isRouted([.whatsapp, .sms]))
        #expect(try await isRouted(nil))
        let id = try #require(BuiltInTemplates.named(BuiltInTemplates.adminAlert)?.id)
        let approved = ApprovedMappingPatch(
            name: .set("clinic_alert"),
            language: .set("en_US"),
            parameters: .set(["clinicName", "alert"])
        )
        let texts = TemplateTextsPatch(whatsapp: .set(WhatsAppTextPatch(approved: .set(approved))))
        let templates = MessageDesk.endpoints.templates
        let written = try await clinic.ask(templates.update, TemplatePatch(id: id, contents: ["en": texts]))
        try #require(written.status == 200, "\(String(describing: written.problem))")
        #expect(try await !isRouted([.whatsapp]), "a draft is not in force")
        #expect(try await clinic.ask(templates.publish, TemplatePublication(id: id)).status == 200)
        #expect(try await isRouted([.whatsapp]))
    }

    /// A text that the rules of its country refuse reaches nobody there.
    @Test func whomNoTextMayGoToIsNotReached() async throws {
        let clinic = try TestClinic()
        let registered = DLTTemplate(id: "1107160000000000001", text: "Dear {#var#}, we expect you.")
        let india = IndiaRegistration(entityId: "1101456070000012345", header: "CLINIC", templates: [registered])
        try await clinic.configure(
            sms: [.twilio("http://127.0.0.1:9")],
            settings: CommunicationSettings(countryRules: CountryRegistrations(india: india))
        )
        func isRouted(_ phones: String...) async throws -> Bool {
            let to = phones.map { AlertRecipient(phone: PhoneNumber($0)) }
            #expect(try await put(clinic, [AlertRoute(alert: .deadLetters, to: to)]).status == 200)
            return try await !unrouted(clinic).contains(.deadLetters)
        }
        #expect(try await !isRouted("+919876543210"))
        #expect(try await isRouted("+919876543210", "+4930123456"))
    }

    @Test func everyFaultIsNamed() async throws {
        let clinic = try TestClinic()
        let answer = try await put(
            clinic,
            [
                AlertRoute(alert: .deadLetters, to: [AlertRecipient()]),
                route(.deadLetters, "a@example.org", channels: [.sms]),
            ]
        )
        #expect(answer.pointers == ["/routes/0/to/0", "/routes/1/alert", "/routes/1/to/0/channels"])
    }

    @Test func nobodyIsToldTwice() async throws {
        let clinic = try TestClinic()
        let (mail, phone) = (EmailAddress("ops@example.org"), PhoneNumber("+4930123456"))
        func pointers(_ to: [AlertRecipient]) async throws -> [String] {
            let answer = try await put(clinic, [AlertRoute(alert: .deadLetters, to: to)])
            #expect((answer.status == 200) == answer.pointers.isEmpty)
            return answer.pointers
        }
        let capital = AlertRecipient(email: EmailAddress("OPS@Example.org"), channels: [.email])
        #expect(try await pointers([AlertRecipient(email: mail), capital]) == ["/routes/0/to/1/email"])
        #expect(
            try await pointers([AlertRecipient(phone: phone), AlertRecipient(phone: phone, channels: [.whatsapp])])
                == ["/routes/0/to/1/phone"]
        )
        // Two share a telephone, and one is told in two ways.
        let other = AlertRecipient(email: EmailAddress("it@example.org"), phone: phone)
        let texted = AlertRecipient(email: mail, phone: phone, channels: [.sms])
        #expect(try await pointers([AlertRecipient(email: mail, phone: phone), other, texted]) == [])
    }

    @Test func addressesAreSealed() async throws {
        let clinic = try TestClinic()
        _ = try await put(clinic, [route(.deadLetters, "very.secret@example.org")])
        let inClear = try await clinic.desk.database.inspect(
            "select count(*) from alert_routes where clinic_id = \(clinic.clinic) and position('secret'::bytea in sealed) > 0"
        ) { rows -> Int64 in try rows[0][0] }
        #expect(inClear == 0)
    }

    @Test func refusedCredentialsAreToldOnceThroughTheNextProvider() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(
                try .named("sendgrid", at: sandbox.url("sendgrid"), wrong: true),
                .resend(sandbox.url("resend"))
            )
            let address = "it\(clinic.clinic.low)@example.com"
            #expect(try await put(clinic, [route(.credentialsRefused, address)]).status == 200)
            for _ in 0..<2 { #expect(try await clinic.settled(try await clinic.send()).status == .sent) }
            let told = try await eventually("the alert") {
                let found = try await messages(clinic, .credentialsRefused)
                return found.first?.status == .sent ? found : nil
            }
            #expect(told.count == 1 && told.first?.category == .security && told.first?.priority == .critical)
            let received = try await sandbox.received(for: address)
            #expect(received.count == 1)
            let text = try #require(received.first?.message["text"]?.string)
            #expect(text.contains("sendgrid (email)") && !text.contains(".."))
        }
    }

    /// A check may be the first to find it: no message is handed over after it, so that nobody else would tell.
    @Test func refusedCredentialsThatACheckFindsAreTold() async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, address) = (try TestClinic(), "it@example.com")
            try await sandbox.fault("down", of: "sendgrid")
            try await clinic.configure(
                try .named("sendgrid", at: sandbox.url("sendgrid"), wrong: true),
                .smtp(port: sandbox.smtpPort)
            )
            #expect(try await put(clinic, [route(.credentialsRefused, address)]).status == 200)
            for _ in 0..<5 { #expect(try await clinic.settled(try await clinic.send()).status == .sent) }
            try await sandbox.fault(nil, of: "sendgrid")
            let desk = clinic.desk
            desk.clock.advance(.seconds(31))
            let (key, entry) = try #require(desk.sending.circuits.due().first { $0.key.clinic == clinic.clinic })
            try await desk.checks.check(key, entry)
            #expect(try await clinic.health().first?.state == .latched)
            try await eventually("the alert") { try await messages(clinic, .credentialsRefused).first?.status == .sent }
        }
    }

    @Test func manyBouncesAreASpike() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        _ = try await put(clinic, [route(.suppressionSpike, "it@example.org")])
        let (keys, index) = (clinic.desk.dataKeys, AddressIndex(blindIndex: clinic.desk.blindIndex))
        let tenant = Tenant(clinic.clinic, actor: "test")
        let bounce = { @Sendable (number: Int, source: String) async throws in
            let address = try #require(ChannelAddress(.email, "b\(number)@example.org"))
            try await clinic.desk.database.database.transaction(for: tenant) { tx in
                let added = try SuppressionStore(dataKeys: keys).add(
                    channel: .email,
                    addressIndex: index.token(address, clinic.clinic),
                    address: address.text,
                    reason: .hardBounce,
                    source: source,
                    at: .now(),
                    in: tx
                )
                if added.isNew { try SuppressionStore.watch([added.suppression], at: .now(), in: tx) }
            }
        }
        // What staff enter is no news to them; the same address again is not another one.
        for number in 0..<AlertRules.spike { try await bounce(1_000 + number, "staff") }
        for number in 0..<(AlertRules.spike - 1) { try await bounce(number, "provider:resend") }
        try await bounce(0, "provider:resend")
        let told = "select count(*) from alerts_told where clinic_id = \(clinic.clinic)" as Query
        let before = try await clinic.desk.database.inspect(told) { rows -> Int64 in try rows[0][0] }
        #expect(before == 0)
        for number in 0..<3 { try await bounce(100 + number, "provider:resend") }
        let found = try await eventually("the alert") {
            let found = try await messages(clinic, .suppressionSpike)
            return found.isEmpty ? nil : found
        }
        #expect(found.count == 1)
        let after = try await clinic.desk.database.inspect(told) { rows -> Int64 in try rows[0][0] }
        #expect(after == 1)
    }

    @Test func oneReportMoreMakesASpike() async throws {
        try await SandboxPlace.with { sandbox in
            let clinic = try TestClinic()
            try await clinic.configure(.smtp(port: sandbox.smtpPort))
            let entry = try #require(try await clinic.configuredEntry())
            let (id, keys) = (clinic.clinic, clinic.desk.dataKeys)
            let index = AddressIndex(blindIndex: clinic.desk.blindIndex)
            let addresses = try (0..<AlertRules.spike).map { number in
                try #require(ChannelAddress(.email, "r\(number)@example.org"))
            }
            try await clinic.desk.database.database.transaction(for: Tenant(id, actor: "test")) { tx in
                for address in addresses.dropFirst() {
                    try SuppressionStore(dataKeys: keys).add(
                        channel: .email,
                        addressIndex: index.token(address, id),
                        address: address.text,
                        reason: .hardBounce,
                        source: "provider:resend",
                        at: .now(),
                        in: tx
                    )
                }
            }
            let message = try await clinic.send(to: addresses[0].text)
            #expect(try await clinic.settled(message).status == .sent)
            func told() async throws -> [String] {
                try await clinic.desk.database.inspect(
                    "select alert from alerts_told where clinic_id = \(id)"
                ) { rows in try rows.map { try $0[0] } }
            }
            #expect(try await told().isEmpty)
            try await clinic.tell(.hardBounce, of: message, through: entry)
            #expect(try await told() == [AlertKind.suppressionSpike.rawValue])
        }
    }

    @Test func workThatFailedForGoodIsTold() async throws {
        let (clinic, calm) = (try TestClinic(), try TestClinic())
        try await clinic.configure(.smtp(port: 9))
        _ = try await put(clinic, [route(.deadLetters, "it@example.org")])
        let clinicID = clinic.clinic
        try await clinic.desk.database.database.through(.relay) { tx in
            tx.execute(
                """
                insert into dead_letters (clinic_id, id, source, handler, lane, payload, attempts, reason, first_at, failed_at)
                values (\(clinicID), \(JobID()), 'job', 'messages.send', 1, '{}', 50, 'timeout', now(), now())
                """
            )
        }
        try await clinic.desk.database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
            _ = try Jobs.enqueue(DeadLetterWatch.self, payload: NoPayload(), in: tx)
        }
        let found = try await eventually("the alert") {
            let found = try await messages(clinic, .deadLetters)
            return found.isEmpty ? nil : found
        }
        #expect(found.count == 1)
        #expect(try await messages(calm, .deadLetters).isEmpty)
    }

    /// The watch finds all of them, and not only the first.
    @Test func allWorkThatFailedForGoodIsTold() async throws {
        let clinic = try TestClinic()
        try await clinic.configure(.smtp(port: 9))
        _ = try await put(clinic, [route(.deadLetters, "it@example.org")])
        let clinicID = clinic.clinic
        try await clinic.desk.database.database.through(.relay) { tx in
            for handler in ["messages.send", "messages.costs"] {
                tx.execute(
                    """
                    insert into dead_letters (clinic_id, id, source, handler, lane, payload, attempts, reason, first_at, failed_at)
                    values (\(clinicID), \(JobID()), 'job', \(handler), 1, '{}', 50, 'timeout', now(), now())
                    """
                )
            }
        }
        try await clinic.desk.database.database.transaction(for: Tenant(.installation, actor: "test")) { tx in
            _ = try Jobs.enqueue(DeadLetterWatch.self, payload: NoPayload(), in: tx)
        }
        let subjects = try await eventually("both alerts") {
            let found = try await told(clinic)
            return found.count == 2 ? found : nil
        }
        #expect(Set(subjects) == ["messages.send", "messages.costs"])
    }

    /// What the clinic was told of, whichever alert it was.
    private func told(_ clinic: TestClinic) async throws -> [String] {
        try await clinic.desk.database.inspect(
            "select subject from alerts_told where clinic_id = \(clinic.clinic)"
        ) { rows -> [String] in try rows.map { try $0[0] } }
    }

    private func raise(_ alert: AlertKind, about subjects: [String], at now: Instant, _ clinic: TestClinic) async throws
    {
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            for subject in subjects { try AlertStore.raise(alert, about: subject, at: now, in: tx) }
        }
    }

    /// A second provider that fails in the same hour is news; the first one, failing on, is none.
    @Test func eachThingIsToldOnceAnHour() async throws {
        let (clinic, now) = (try TestClinic(), Instant.now())
        try await clinic.configure(.smtp(port: 9))
        _ = try await put(clinic, [route(.credentialsRefused, "it@example.org")])
        let (mail, push) = ("aws_ses (email)", "aws_sns (push)")
        try await raise(.credentialsRefused, about: [mail, mail], at: now, clinic)
        try await raise(.credentialsRefused, about: [push, mail], at: now, clinic)
        #expect(Set(try await told(clinic)) == [mail, push])
        #expect(try await told(clinic).count == 2)
        let found = try await eventually("both alerts") {
            let found = try await messages(clinic, .credentialsRefused)
            return found.count >= 2 ? found : nil
        }
        #expect(found.count == 2)
        // The next hour is another one.
        try await raise(.credentialsRefused, about: [mail], at: now + .seconds(3_600), clinic)
        #expect(try await told(clinic).count == 3)
    }

    @Test func anHourHasSoManyOfAKindAndNoMore() async throws {
        let (clinic, now) = (try TestClinic(), Instant.now())
        let many = (0..<(AlertRules.mostAnHour + 5)).map { "stripe, payment \($0)" }
        try await raise(.paymentFrozen, about: many, at: now, clinic)
        #expect(try await told(clinic).count == AlertRules.mostAnHour)
        // Other kinds have their own.
        try await raise(.circuitOpened, about: ["resend (email)"], at: now, clinic)
        #expect(try await told(clinic).count == AlertRules.mostAnHour + 1)
    }

    @Test(
        arguments: [
            (.closed, nil, nil), (.halfOpen, "transient", nil), (.open, "transient", .circuitOpened),
            (.latched, "credentials", .credentialsRefused), (.open, "quota", .quotaUsedUp),
            (.latched, "quota", .quotaUsedUp),
        ] as [(CircuitView.State, String?, AlertKind?)]
    )
    func newsOfCircuits(_ state: CircuitView.State, _ reason: String?, _ alert: AlertKind?) {
        let view = CircuitView(state: state, since: .now(), reason: reason, retryAt: nil)
        #expect(AlertRules.alert(for: view) == alert)
    }

    @Test func anAlertHasItsHour() {
        let hour = Instant(seconds: 1_767_225_600)
        #expect(AlertRules.hour(of: hour) == hour && AlertRules.hour(of: hour + .seconds(3_599)) == hour)
        #expect(AlertRules.hour(of: hour + .seconds(3_600)) == hour + .seconds(3_600))
        for alert in AlertKind.allCases {
            let (title, text) = AlertRules.words(alert, about: "resend (email)", at: hour, in: nil)
            #expect(text.contains("resend (email)") && !title.contains("resend"))
        }
    }

    /// To the minute, where the clinic is.
    @Test(
        arguments: [
            ("Asia/Kolkata", "21 November 2026 at 00:05 (Asia/Kolkata)"),
            ("Europe/Berlin", "20 November 2026 at 19:35 (Europe/Berlin)"),
            (nil, "20 November 2026 at 18:35 (UTC)"), ("No/Where", "20 November 2026 at 18:35 (UTC)"),
        ] as [(String?, String)]
    )
    func timesAreAsClocksShowThem(_ zone: String?, _ time: String) throws {
        let moment = try #require(Instant(rfc3339: "2026-11-20T18:35:59.123456Z"))
        for alert in AlertKind.allCases {
            let words = AlertRules.words(alert, about: "x", at: moment, in: zone.flatMap { TimeZoneName($0) })
            #expect(words.text.contains("That was on \(time); see") && !words.title.hasSuffix("."))
        }
    }
}

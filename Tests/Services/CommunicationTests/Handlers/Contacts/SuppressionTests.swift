import Bus
import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing
import Vault

@testable import Communication
@testable import Sandbox
@testable import ServiceHost

@Suite(.timeLimit(.minutes(2))) struct SuppressionTests {
    private let endpoints = MessageDesk.endpoints.suppressions

    private func add(
        _ clinic: TestClinic,
        _ address: String,
        channel: MessageChannel = .email,
        category: MessageCategory? = nil,
        reason: SuppressionReason? = nil,
        expiresAt: Instant? = nil
    ) async throws -> TestClinic.Answer<Suppression> {
        let draft = SuppressionDraft(
            channel: channel,
            address: address,
            category: category,
            reason: reason,
            expiresAt: expiresAt
        )
        return try await clinic.ask(endpoints.create, draft)
    }

    private func list(_ clinic: TestClinic, _ request: SuppressionListRequest = .init()) async throws -> Page<
        Suppression
    > {
        try #require(try await clinic.ask(endpoints.list, request).output)
    }

    private func blocking(
        _ clinic: TestClinic,
        _ address: String,
        _ category: MessageCategory,
        channel: MessageChannel = .email,
        at now: Instant = .now()
    ) async throws -> SuppressionReason? {
        let known = try #require(ChannelAddress(channel, address))
        let index = AddressIndex(blindIndex: clinic.desk.blindIndex).token(known, clinic.clinic)
        return try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test")) { tx in
            try SuppressionStore.blocking([(channel, index)], category: category, at: now, in: tx)[channel]?.reason
        }
    }

    @Test func anAddressIsSuppressedUntilItIsReleased() async throws {
        let clinic = try TestClinic()
        let added = try await add(clinic, "Mira@Example.org")
        #expect(added.status == 201 && added.output?.address == "Mira@Example.org" && added.output?.reason == .manual)
        let id = try #require(added.output?.id)
        #expect(added.location == "/api/v1/communication/suppressions/\(id)")
        #expect(try await blocking(clinic, "mira@example.org", .care) == .manual)
        #expect(try await blocking(clinic, "mira@example.org", .security) == nil)
        #expect(try await blocking(clinic, "other@example.org", .care) == nil)
        let read = try await clinic.ask(endpoints.read, SuppressionPath(id: id))
        #expect(read.output == added.output && read.version == added.version)
        #expect(try await clinic.ask(endpoints.delete, SuppressionPath(id: id), ifMatch: "\"7\"").status == 412)
        #expect(try await clinic.ask(endpoints.delete, SuppressionPath(id: id), ifMatch: read.version).status == 204)
        #expect(try await clinic.ask(endpoints.delete, SuppressionPath(id: id)).status == 404)
        #expect(try await blocking(clinic, "mira@example.org", .care) == nil)
    }

    @Test func aStopHoldsHoweverTheAddressIsSpelled() async throws {
        let clinic = try TestClinic()
        #expect(try await add(clinic, "mira@xn--mnchen-3ya.de").status == 201)
        for spelling in ["mira@m\u{FC}nchen.de", "Mira@mu\u{308}nchen.de", "mira@XN--MNCHEN-3YA.de"] {
            #expect(try await blocking(clinic, spelling, .care) == .manual, "\(spelling)")
        }
        #expect(try await blocking(clinic, "mira@muenchen.de", .care) == nil)
        #expect(try await add(clinic, #""Mira.Rao"@example.org"#).status == 201)
        #expect(try await add(clinic, #""mira rao"@example.org"#).status == 201)
        for spelling in ["mira.rao@example.org", #""m\ira\.rao"@example.org"#, #""Mira\ Rao"@example.org"#] {
            #expect(try await blocking(clinic, spelling, .care) == .manual, "\(spelling)")
        }
    }

    /// Stops that were stored while addresses were found as they were spelled hold for the spelling that they came in.
    @Test func aStopUnderAFormerFormIsLookedForToo() throws {
        let clinic = try TestClinic()
        let index = AddressIndex(blindIndex: clinic.desk.blindIndex)
        func tokens(_ text: String) -> [[UInt8]] {
            index.pairs(of: Reach(email: EmailAddress(text)), on: ["email"], clinic.clinic).map(\.addressIndex)
        }
        let former = clinic.desk.blindIndex.token(
            "mira@xn--mnchen-3ya.de",
            purpose: AddressIndex.purpose,
            clinic: clinic.clinic
        )
        #expect(tokens("mira@xn--mnchen-3ya.de") == tokens("mira@m\u{FC}nchen.de") + [former])
        #expect(tokens("mira@example.com").count == 1)
    }

    @Test func theSameAgainIsTheSame() async throws {
        let clinic = try TestClinic()
        let soon = Instant.now() + .seconds(3_600)
        let first = try await add(clinic, "a@example.org", expiresAt: soon)
        let again = try await add(clinic, "A@example.org", expiresAt: soon)
        #expect(first.status == 201 && again.status == 200 && again.output == first.output)
        // Who suppresses it for good means it.
        let forGood = try await add(clinic, "a@example.org")
        #expect(forGood.status == 200 && forGood.output?.id == first.output?.id && forGood.output?.expiresAt == nil)
        let shorter = try await add(clinic, "a@example.org", expiresAt: soon)
        #expect(shorter.output?.expiresAt == nil)
        // Another reason, another category, another channel: suppressions of their own.
        #expect(try await add(clinic, "a@example.org", reason: .complaint).status == 201)
        #expect(try await add(clinic, "a@example.org", category: .marketing).status == 201)
        #expect(try await add(clinic, "+491701234567", channel: .sms).status == 201)
        #expect(try await add(clinic, "+491701234567", channel: .whatsapp).status == 201)
        #expect(try await list(clinic).items.count == 5)
    }

    @Test func atOnceItIsOne() async throws {
        let clinic = try TestClinic()
        let answers = try await withThrowingTaskGroup(of: (Int, SuppressionID?).self) { group in
            for _ in 0..<12 {
                group.addTask {
                    let answer = try await add(clinic, "race@example.org")
                    return (answer.status, answer.output?.id)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count { $0.0 == 201 } == 1 && answers.count { $0.0 == 200 } == 11)
        #expect(Set(answers.map(\.1)).count == 1)
    }

    @Test func itEndsWithItsTime() async throws {
        let clinic = try TestClinic()
        let soon = Instant.now() + .seconds(3_600)
        let added = try await add(clinic, "a@example.org", category: .marketing, expiresAt: soon)
        let id = try #require(added.output?.id)
        #expect(try await blocking(clinic, "a@example.org", .marketing) == .manual)
        #expect(try await blocking(clinic, "a@example.org", .marketing, at: soon) == nil)
        let longer = try await clinic.ask(
            endpoints.update,
            SuppressionPatch(id: id, expiresAt: .clear),
            ifMatch: added.version
        )
        #expect(longer.status == 200 && longer.output?.expiresAt == nil && longer.version == "\"2\"")
        #expect(try await clinic.ask(endpoints.update, SuppressionPatch(id: id), ifMatch: added.version).status == 412)
        let past = SuppressionPatch(id: id, expiresAt: .set(.now() - .seconds(1)))
        #expect(try await clinic.ask(endpoints.update, past).pointers == ["/expiresAt"])
        #expect(try await clinic.ask(endpoints.update, SuppressionPatch(id: SuppressionID())).status == 404)
    }

    @Test func theWeightiestIsTold() async throws {
        let clinic = try TestClinic()
        for reason in [SuppressionReason.manual, .complaint, .hardBounce] {
            _ = try await add(clinic, "a@example.org", reason: reason)
        }
        #expect(try await blocking(clinic, "a@example.org", .care) == .hardBounce)
        #expect(try await blocking(clinic, "a@example.org", .security) == .hardBounce)
    }

    @Test func whatIsNoAddressIsRefused() async throws {
        let clinic = try TestClinic()
        #expect(try await add(clinic, "nobody").pointers == ["/address"])
        #expect(try await add(clinic, "0170", channel: .sms).pointers == ["/address"])
        #expect(try await add(clinic, "a@example.org", expiresAt: .now() - .seconds(1)).pointers == ["/expiresAt"])
    }

    /// The first call tells of the number, the second is not made.
    @Test(
        arguments: [
            ("+15005550004", AttemptOutcome.optedOut, SuppressionReason.stop),
            ("+15005550009", .badRecipient, .hardBounce),
        ]
    )
    func whoIsOfNoUseIsNotCalledAgain(
        _ number: String,
        _ outcome: AttemptOutcome,
        _ reason: SuppressionReason
    ) async throws {
        try await SandboxPlace.with { sandbox in
            let (clinic, other) = (try TestClinic(), try TestClinic())
            let provider = ProviderDraft(
                provider: "twilio",
                credentials: [
                    "accountSid": .string("AC" + String(repeating: "0", count: 32)),
                    "authToken": .string(Twilio.tokenDefault), "fromNumber": "+15005550006",
                    "endpoint": .string(sandbox.url("twilio")),
                ]
            )
            let draft = MessageDraft(
                to: RecipientDraft(phone: PhoneNumber(number)),
                channels: [.sms],
                content: MessageContent(text: "Your results are in.")
            )
            for place in [clinic, other] {
                let configuration = ConfigurationDraft(clinicId: place.clinic, sms: ChannelDraft(primary: provider))
                let answer = try await place.ask(
                    MessageDesk.endpoints.configuration.put,
                    configuration,
                    ifNoneMatch: "*"
                )
                try #require(answer.status == 201, "\(String(describing: answer.problem))")
            }
            let ends: Set<MessageStatus> = [.failed, .suppressed]
            let first = try await clinic.settled(try await clinic.send(draft), ends)
            #expect(first.attempts.map(\.outcome) == [outcome])
            let listed = try await list(clinic).items
            #expect(listed.map(\.reason) == [reason] && listed.first?.address == number)
            #expect(listed.first?.source == "provider:twilio" && listed.first?.channel == .sms)
            let second = try await clinic.settled(try await clinic.send(draft), ends)
            #expect(second.status == .suppressed && second.attempts.map(\.outcome) == [.skippedSuppressed])
            // What one clinic was told is nothing to another.
            let theirs = try await other.settled(try await other.send(draft), ends)
            #expect(theirs.attempts.map(\.outcome) == [outcome])
        }
    }

    @Test func anotherClinicsIsNotThere() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let id = try #require(try await add(clinic, "a@example.org").output?.id)
        #expect(try await blocking(other, "a@example.org", .care) == nil)
        #expect(try await list(other).items.isEmpty)
        #expect(try await other.ask(endpoints.read, SuppressionPath(id: id)).status == 404)
        #expect(try await other.ask(endpoints.update, SuppressionPatch(id: id, expiresAt: .clear)).status == 404)
        #expect(try await other.ask(endpoints.delete, SuppressionPath(id: id)).status == 404)
        #expect(try await list(clinic).items.count == 1)
    }

    /// Patients see why nothing reaches them, of their own addresses and of no other.
    @Test func aPatientSeesTheirOwn() async throws {
        let (clinic, patient) = (try TestClinic(), PatientID())
        try await clinic.tell(of: patient, email: "mine@example.org", phone: PhoneNumber("+911234567890"))
        try await clinic.tell(of: PatientID(), email: "theirs@example.org")
        let mine = try #require(try await add(clinic, "Mine@example.org").output)
        let texts = try #require(try await add(clinic, "+911234567890", channel: .sms).output)
        let theirs = try #require(try await add(clinic, "theirs@example.org").output)
        let seen = try await clinic.ask(endpoints.list, .init(), scope: .own(patient)).output
        #expect(seen.map { Set($0.items.map(\.id)) } == [mine.id, texts.id])
        #expect(try await clinic.ask(endpoints.read, .init(id: mine.id), scope: .own(patient)).output == mine)
        #expect(try await clinic.ask(endpoints.read, .init(id: theirs.id), scope: .own(patient)).status == 404)
        let foreign = SuppressionListRequest(address: "theirs@example.org")
        #expect(try await clinic.ask(endpoints.list, foreign, scope: .own(patient)).output?.items.isEmpty == true)
        // How long it lasts is not theirs to say, whomever it is about.
        for id in [mine.id, theirs.id] {
            let patch = SuppressionPatch(id: id, expiresAt: .set(.now() + .seconds(60)))
            #expect(try await clinic.ask(endpoints.update, patch, scope: .own(patient)).status == 403)
        }
        #expect(try await list(clinic).items.allSatisfy { $0.expiresAt == nil })
    }

    @Test func addressesAreSealed() async throws {
        let clinic = try TestClinic()
        _ = try await add(clinic, "very.secret@example.org")
        let inClear = try await clinic.desk.database.inspect(
            """
            select count(*) from suppressions where clinic_id = \(clinic.clinic)
                and (position('secret'::bytea in sealed) > 0 or position('secret'::bytea in address_index) > 0)
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(inClear == 0)
    }

    @Test func theListIsFilteredAndPaged() async throws {
        let clinic = try TestClinic()
        for number in 0..<5 {
            _ = try await add(clinic, "a\(number)@example.org", reason: number == 0 ? .complaint : nil)
        }
        _ = try await add(clinic, "+491701234567", channel: .sms)
        var seen: [SuppressionID] = []
        var cursor: String?
        repeat {
            let page = try await list(clinic, SuppressionListRequest(limit: 2, cursor: cursor))
            #expect(page.items.count <= 2)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == 6 && seen == seen.sorted(by: >))
        #expect(try await list(clinic, .init(channel: .sms)).items.map(\.address) == ["+491701234567"])
        #expect(try await list(clinic, .init(reason: .complaint)).items.map(\.address) == ["a0@example.org"])
        #expect(try await list(clinic, .init(address: "A3@example.org")).items.map(\.address) == ["a3@example.org"])
        #expect(try await list(clinic, .init(address: "+491701234567")).items.count == 1)
        #expect(try await list(clinic, .init(channel: .sms, address: "a3@example.org")).items.isEmpty)
        let newest = try await list(clinic, SuppressionListRequest(limit: 200)).items.map(\.id)
        let oldest = try await list(clinic, SuppressionListRequest(sort: .oldestFirst, limit: 200)).items.map(\.id)
        #expect(newest.count > 1 && oldest == newest.reversed())
        let foreign = try await list(clinic, SuppressionListRequest(limit: 1)).nextCursor
        let misused = try await clinic.ask(endpoints.list, SuppressionListRequest(channel: .sms, cursor: foreign))
        #expect(misused.status == 422)
    }

    @Test func aSheetGoesOutAndComesInAgain() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        // More than a page of the stream.
        let rows =
            (0..<450).map { "email,a\($0)@example.org" } + [
                "sms,+491701234567", "email,nobody", "email,a1@example.org",
            ]
        let sheet = "channel,address\n" + rows.joined(separator: "\n")
        let input = SuppressionImport(body: RawBody(Array(sheet.utf8)))
        let result = try #require(try await clinic.ask(endpoints.importing, input).output)
        #expect(result.added == 451 && result.present == 1 && result.refused.map(\.line) == [453])
        let out = try await clinic.streamed(endpoints.list, SuppressionListRequest(), accept: "text/csv")
        #expect(try CSV.rows(out).count == 452)
        let copied = try await other.ask(endpoints.importing, SuppressionImport(body: RawBody(out)))
        #expect(copied.output == SuppressionImportResult(added: 451, present: 0, refused: []))
        let lines = try await other.streamed(endpoints.list, SuppressionListRequest(), accept: "application/x-ndjson")
        let read = try lines.split(separator: UInt8(ascii: "\n")).map {
            try JSONTape(Array($0)).decode(Suppression.self)
        }
        #expect(Set(read.compactMap(\.address)).count == 451 && read.allSatisfy { $0.source == "csv" })
    }

    @Test func aSheetOfThousandsIsTakenInAndBroughtTwiceAtOnceIsThereOnce() async throws {
        let clinic = try TestClinic()
        let rows = (0..<2_500).map { "email,many\($0)@example.org" }
        func sheet(_ rows: [String]) -> SuppressionImport {
            SuppressionImport(body: RawBody(Array(("channel,address\n" + rows.joined(separator: "\n")).utf8)))
        }
        async let first = clinic.ask(endpoints.importing, sheet(rows))
        async let second = clinic.ask(endpoints.importing, sheet(rows.reversed()))
        let results = try await [first.output, second.output].compactMap(\.self)
        #expect(results.map(\.added).reduce(0, +) == 2_500 && results.map(\.present).reduce(0, +) == 2_500)
        let tooMany = Array(repeating: rows[0], count: SuppressionImport.mostRows + 1)
        #expect(try await clinic.ask(endpoints.importing, sheet(tooMany)).status == 422)
        #expect(try await clinic.ask(endpoints.importing, sheet(tooMany.dropLast())).output?.added == 0)
    }

    @Test func whatASheetSaysTwiceHoldsTheLonger() async throws {
        let clinic = try TestClinic()
        let (soon, later) = (Instant.now() + .seconds(3_600), Instant.now() + .seconds(7_200))
        let sheet = """
            channel,address,expiresAt
            email,a@example.org,\(soon.rfc3339)
            email,a@example.org,\(later.rfc3339)
            email,b@example.org,
            email,b@example.org,\(soon.rfc3339)
            """
        let input = SuppressionImport(body: RawBody(Array(sheet.utf8)))
        let result = try #require(try await clinic.ask(endpoints.importing, input).output)
        #expect(result.added == 2 && result.present == 2 && result.refused.isEmpty)
        let kept = try await list(clinic).items
        #expect(kept.first { $0.address == "a@example.org" }?.expiresAt?.rfc3339 == later.rfc3339)
        #expect(kept.contains { $0.address == "b@example.org" && $0.expiresAt == nil })
    }
}

extension TestClinic {
    /// All pages of a streamed reply, one behind the other.
    func streamed<Input, Output>(
        _ endpoint: Endpoint<Input, Output>,
        _ input: Input,
        accept: String
    ) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var page: String?
        repeat {
            let request = BusRequest(
                operation: endpoint.name,
                clinic: clinic,
                principal: Self.admin,
                scope: .clinic,
                deadline: .after(.seconds(20)),
                idempotencyKey: "\(RequestID())",
                source: RequestSource(address: "127.0.0.1", userAgent: "test"),
                accept: accept,
                page: page,
                input: try JSONWriter.encode(input)
            )
            guard case .reply(let reply) = await desk.dispatcher.answer(request, redelivered: false) else {
                throw Problem.unavailable("The answer")
            }
            try #require(reply.status == 200 && reply.contentType.hasPrefix(accept))
            bytes += reply.body
            page = reply.nextPage
        } while page != nil
        return bytes
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Communication

/// The apps by which contacts are reached: whose they are, and what is shown of them.
@Suite(.timeLimit(.minutes(2))) struct ContactDeviceTests {
    private let endpoints = MessageDesk.endpoints.devices

    private func patient(_ clinic: TestClinic) async throws -> ContactID {
        let id = PatientID()
        try await clinic.tell(of: id, email: "d\(id.low)@example.com")
        return id.retagged()
    }

    @Test func aTokenThatComesAgainIsTheSameDevice() async throws {
        let clinic = try TestClinic()
        let contact = try await patient(clinic)
        let token = "fGTokenOfAnInstalledApp:APA91b-1234"
        let made = try await clinic.ask(
            endpoints.register,
            ContactDeviceDraft(contactId: contact, pushToken: token, name: "Asha's phone", platform: .android)
        )
        #expect(made.status == 201 && made.version == "\"1\"")
        let device = try #require(made.output)
        #expect(device.pushToken == "••••1234" && device.name == "Asha's phone" && device.platform == .android)
        #expect(made.location == "/api/v1/communication/contacts/\(contact)/devices/\(device.id)")
        let again = try await clinic.ask(endpoints.register, ContactDeviceDraft(contactId: contact, pushToken: token))
        #expect(again.status == 200 && again.version == "\"2\"")
        let present = try #require(again.output)
        #expect(present.id == device.id && present.createdAt == device.createdAt)
        #expect(present.name == nil && present.platform == nil && present.registeredAt > device.registeredAt)
        #expect(try await clinic.devices(of: contact) == [present])
        let path = ContactDevicePath(contactId: contact, deviceId: device.id)
        #expect(try await clinic.ask(endpoints.read, path).output == present)
        #expect(try await clinic.ask(endpoints.delete, path, ifMatch: "\"1\"").status == 412)
        #expect(try await clinic.ask(endpoints.delete, path, ifMatch: "\"2\"").status == 204)
        #expect(try await clinic.ask(endpoints.read, path).status == 404)
        #expect(try await clinic.ask(endpoints.delete, path).status == 404)
    }

    @Test func handedOnItIsTheNewHolders() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let (first, second) = (try await patient(clinic), try await patient(clinic))
        let elsewhere = try await patient(other)
        let token = "fGTokenOfAFamilysPhone:APA91b"
        let before = try #require(try await clinic.register(token, of: first).output)
        #expect(try await other.register(token, of: elsewhere).status == 201)
        let after = try await clinic.register(token, of: second)
        #expect(after.status == 201 && after.output?.id != before.id)
        #expect(try await clinic.devices(of: first).isEmpty)
        #expect(try await clinic.devices(of: second).map(\.id) == [after.output?.id])
        let path = ContactDevicePath(contactId: first, deviceId: before.id)
        #expect(try await clinic.ask(endpoints.delete, path).status == 404)
        // What happens in one clinic is nothing to another.
        #expect(try await other.devices(of: elsewhere).count == 1)
    }

    @Test func registeredByTwoAtOnceItIsOnes() async throws {
        let clinic = try TestClinic()
        let (first, second) = (try await patient(clinic), try await patient(clinic))
        let token = "fGTokenOfABusyPhone:APA91b"
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for turn in 0..<16 {
                group.addTask { try await clinic.register(token, of: turn.isMultiple(of: 2) ? first : second).status }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0 == 200 || $0 == 201 } && statuses.contains(201))
        let held = (try await clinic.devices(of: first).count, try await clinic.devices(of: second).count)
        #expect(held == (1, 0) || held == (0, 1))
    }

    @Test func theOneOfLongAgoGivesWay() async throws {
        let clinic = try TestClinic()
        let contact = try await patient(clinic)
        var made: [DeviceID] = []
        for number in 0..<ContactDevice.most {
            made.append(try #require(try await clinic.register("token-of-device-\(number)", of: contact).output?.id))
        }
        #expect(try await clinic.devices(of: contact).map(\.id) == made.reversed())
        // The oldest is used again, so that the second is the one of longest ago.
        #expect(try await clinic.register("token-of-device-0", of: contact).status == 200)
        let further = try #require(try await clinic.register("token-of-a-further-one", of: contact).output?.id)
        let kept = try await clinic.devices(of: contact).map(\.id)
        #expect(kept == [further] + made.dropFirst(2).reversed() + [made[0]])
        let page = try await clinic.ask(endpoints.list, ContactDeviceListRequest(contactId: contact, limit: 4))
        let cursor = try #require(page.output?.nextCursor)
        #expect(page.output?.items.map(\.id) == Array(kept.prefix(4)))
        let next = try await clinic.ask(
            endpoints.list,
            ContactDeviceListRequest(contactId: contact, limit: 10, cursor: cursor)
        )
        #expect(next.output?.items.map(\.id) == Array(kept.dropFirst(4)) && next.output?.nextCursor == nil)
    }

    @Test func othersAreNotThere() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let (contact, neighbour) = (try await patient(clinic), try await patient(clinic))
        let own = Scope.own(contact.retagged())
        let made = try await clinic.register("fGTokenOfAnInstalledApp:1", of: contact, scope: own)
        #expect(made.status == 201)
        let path = ContactDevicePath(contactId: contact, deviceId: try #require(made.output?.id))
        let list = ContactDeviceListRequest(contactId: contact)
        for (place, scope) in [(clinic, Scope.own(neighbour.retagged())), (other, .clinic)] {
            #expect(try await place.ask(endpoints.list, list, scope: scope).status == 404)
            #expect(try await place.ask(endpoints.read, path, scope: scope).status == 404)
            #expect(try await place.ask(endpoints.delete, path, scope: scope).status == 404)
            #expect(try await place.register("fGTokenOfAnInstalledApp:2", of: contact, scope: scope).status == 404)
        }
        #expect(try await clinic.register("fGTokenOfAnInstalledApp:3", of: ContactID()).status == 404)
        #expect(try await clinic.ask(endpoints.list, list, scope: own).output?.items.map(\.id) == [path.deviceId])
        // Nor is it there under another's name.
        let wrong = ContactDevicePath(contactId: neighbour, deviceId: path.deviceId)
        #expect(try await clinic.ask(endpoints.read, wrong).status == 404)
        // A patient may take over what another holds: phones are handed on.
        let taken = try await clinic.register(
            "fGTokenOfAnInstalledApp:1",
            of: neighbour,
            scope: .own(neighbour.retagged())
        )
        #expect(taken.status == 201)
        #expect(try await clinic.devices(of: contact).isEmpty)
    }

    @Test func whatIsNoTokenIsRefused() async throws {
        let clinic = try TestClinic()
        let contact = try await patient(clinic)
        let wrong = ContactDeviceDraft(contactId: contact, pushToken: "has blanks in it, so none", name: "two\nlines")
        #expect(try await clinic.ask(endpoints.register, wrong).pointers == ["/pushToken", "/name"])
        for (token, isTaken) in [(15, false), (16, true), (4_096, true), (4_097, false)] {
            let draft = ContactDeviceDraft(contactId: contact, pushToken: String(repeating: "\\", count: token))
            let faults = try endpoints.register.inputSchema.violations(in: JSONTape(try JSONWriter.encode(draft)))
            #expect(faults.map(\.pointer) == (isTaken ? [] : ["/pushToken"]), "\(token)")
            if isTaken { #expect(try await clinic.ask(endpoints.register, draft).status == 201) }
        }
    }

    @Test func tokensAndNamesAreSealed() async throws {
        let clinic = try TestClinic()
        let contact = try await patient(clinic)
        let token = "very-secret-token-\(clinic.clinic)"
        let draft = ContactDeviceDraft(contactId: contact, pushToken: token, name: "very-secret-name-\(clinic.clinic)")
        #expect(try await clinic.ask(endpoints.register, draft).status == 201)
        let found = try await clinic.desk.database.inspect(
            """
            select count(*) from (select d::text || encode(sealed, 'escape') as text from contact_devices as d
            union all select encode(payload, 'escape') from outbox
            union all select r::text from replies r) as all_texts where text like \("%very-secret-%\(clinic.clinic)%")
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(found == 0)
    }

    @Test func whoIsRemovedHasNone() async throws {
        let clinic = try TestClinic()
        let id = PatientID()
        try await clinic.tell(of: id, email: "gone@example.com")
        #expect(try await clinic.register("fGTokenOfAnInstalledApp:APA91b", of: id.retagged()).status == 201)
        try await clinic.tell(of: id, email: "gone@example.com", deleted: true, version: 2)
        let left = try await clinic.desk.database.inspect(
            "select count(*) from contact_devices where clinic_id = \(clinic.clinic)"
        ) { rows -> Int64 in try rows[0][0] }
        #expect(left == 0)
        #expect(try await clinic.register("fGTokenOfAnInstalledApp:APA91b", of: id.retagged()).status == 404)
    }

    /// What a provider has said of the app is older than the app's own word; what the clinic has decided is not its to change.
    @Test func anAppThatIsThereAgainIsNotSuppressed() async throws {
        let clinic = try TestClinic()
        let contact = try await patient(clinic)
        let suppressions = MessageDesk.endpoints.suppressions
        let (dead, unwanted) = ("fGTokenOfADeadApp:APA91b", "fGTokenOfSomebodys:APA91b")
        for (token, reason) in [(dead, SuppressionReason.hardBounce), (unwanted, .manual)] {
            let draft = SuppressionDraft(channel: .push, address: token, reason: reason)
            #expect(try await clinic.ask(suppressions.create, draft).status == 201)
            #expect(try await clinic.register(token, of: contact).status == 201)
        }
        let left = try #require(try await clinic.ask(suppressions.list, .init()).output).items
        #expect(left.map(\.address) == [unwanted])
        // It is about an address of theirs, which patients see.
        let own = try await clinic.ask(suppressions.list, .init(), scope: .own(contact.retagged()))
        #expect(own.output?.items.map(\.address) == [unwanted])
    }
}

extension TestClinic {
    /// Has an app register itself.
    func register(
        _ token: String,
        of contact: ContactID,
        scope: Scope = .clinic
    ) async throws -> Answer<ContactDevice> {
        let draft = ContactDeviceDraft(contactId: contact, pushToken: token)
        return try await ask(MessageDesk.endpoints.devices.register, draft, scope: scope)
    }

    func devices(of contact: ContactID) async throws -> [ContactDevice] {
        let request = ContactDeviceListRequest(contactId: contact)
        return try #require(try await ask(MessageDesk.endpoints.devices.list, request).output).items
    }
}

import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import TestKit
import Testing

@testable import Communication

@Suite(.timeLimit(.minutes(2))) struct ContactTests {
    private let endpoints = MessageDesk.endpoints.preferences

    /// A patient as the calendar tells of one.
    private func tell(
        _ clinic: TestClinic,
        _ id: PatientID,
        email: String? = nil,
        phone: String? = nil,
        deleted: Bool = false,
        version: Int64 = 1
    ) async throws {
        try await clinic.tell(
            of: id,
            email: email,
            phone: phone.flatMap { PhoneNumber($0) },
            locale: "en-IN",
            deleted: deleted,
            version: version
        )
    }

    private func inClinic<Result: Sendable>(
        _ clinic: TestClinic,
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try await clinic.desk.database.database.transaction(for: Tenant(clinic.clinic, actor: "test"), body)
    }

    private func reach(_ clinic: TestClinic, _ id: ContactID) async throws -> KnownContact? {
        let keys = clinic.desk.dataKeys
        return try await inClinic(clinic) { tx in try ContactStore.reach(id, dataKeys: keys, in: tx) }
    }

    private func find(_ clinic: TestClinic, _ channel: MessageChannel, _ text: String) async throws -> [ContactID] {
        let address = try #require(ChannelAddress(channel, text))
        let token = AddressIndex(blindIndex: clinic.desk.blindIndex).token(address, clinic.clinic)
        return try await inClinic(clinic) { tx in try ContactStore.find(token, in: tx) }
    }

    @Test func aPatientIsAContactWithTheSameID() async throws {
        let clinic = try TestClinic()
        let (mother, child) = (PatientID(), PatientID())
        try await tell(clinic, mother, email: "Family@example.org", phone: "+911234567890")
        try await tell(clinic, child, email: "family@example.org")
        let known = try #require(try await reach(clinic, mother.retagged()))
        #expect(known.email?.address == "Family@example.org" && known.phone?.number == "+911234567890")
        #expect(known.name == "Asha Rao" && known.locale == "en-IN" && known.patientID == mother)
        // One address, two contacts.
        #expect(Set(try await find(clinic, .email, "FAMILY@example.org")) == [mother.retagged(), child.retagged()])
        #expect(try await find(clinic, .whatsapp, "+911234567890") == [mother.retagged()])
        // A new address takes the old one's place; an older version changes nothing.
        try await tell(clinic, mother, email: "mother@example.org", version: 3)
        try await tell(clinic, mother, email: "late@example.org", version: 2)
        #expect(try await find(clinic, .email, "family@example.org") == [child.retagged()])
        #expect(try await find(clinic, .email, "mother@example.org") == [mother.retagged()])
        #expect(try await find(clinic, .email, "late@example.org").isEmpty)
        try await tell(clinic, mother, email: "mother@example.org", deleted: true, version: 4)
        #expect(try await find(clinic, .email, "mother@example.org").isEmpty)
        #expect(try await reach(clinic, mother.retagged()) == nil)
        #expect(try await clinic.ask(endpoints.read, ContactPath(contactId: mother.retagged())).status == 404)
    }

    @Test func whoeverWritesFirstBecomesAContactOnce() async throws {
        let clinic = try TestClinic()
        let address = try #require(ChannelAddress(.whatsapp, "+4917012345678"))
        let (keys, index) = (clinic.desk.dataKeys, AddressIndex(blindIndex: clinic.desk.blindIndex))
        let sealer = try await keys.sealer(for: clinic.clinic)
        let made = try await withThrowingTaskGroup(of: [ContactID].self) { group in
            for _ in 0..<12 {
                group.addTask {
                    try await inClinic(clinic) { tx in
                        try ContactStore.findOrMake(
                            address,
                            name: "Jo",
                            index: index,
                            sealer: sealer,
                            at: .now(),
                            in: tx
                        )
                    }
                }
            }
            return try await group.reduce(into: Set()) { $0.formUnion($1) }
        }
        #expect(made.count == 1)
        let known = try await reach(clinic, try #require(made.first))
        #expect(known?.phone?.number == "+4917012345678" && known?.name == "Jo" && known?.patientID == nil)
        let path = ContactPath(contactId: try #require(made.first))
        #expect(try await clinic.ask(endpoints.read, path).output?.patientId == nil)
    }

    @Test func staffAndPatientChoose() async throws {
        let clinic = try TestClinic()
        let patient = PatientID()
        let id: ContactID = patient.retagged()
        try await tell(clinic, patient, email: "a@example.org")
        let first = try await clinic.ask(endpoints.read, ContactPath(contactId: id))
        #expect(first.status == 200 && first.output?.categories == [] && first.version == "\"1\"")
        var draft = ContactPreferencesDraft(
            contactId: id,
            locale: "hi-IN",
            timeZone: TimeZoneName("Asia/Kolkata"),
            categories: [CategoryPreference(category: .marketing, channels: [])]
        )
        let put = try await clinic.ask(endpoints.put, draft, ifMatch: first.version)
        #expect(put.status == 200 && put.version == "\"2\"")
        #expect(put.output?.consents.count == 4 && put.output?.consents.allSatisfy { !$0.granted } == true)
        #expect(try await clinic.ask(endpoints.put, draft, ifMatch: first.version).status == 412)
        // What was read may be sent back.
        draft.consents = put.output?.consents
        draft.patientId = patient
        draft.categories = [CategoryPreference(category: .marketing, channels: [.email])]
        var another = draft
        another.patientId = PatientID()
        let refused = try await clinic.ask(endpoints.put, another)
        #expect(refused.status == 422 && refused.pointers == ["/patientId"])
        let own = try await clinic.ask(endpoints.put, draft, scope: .own(patient))
        #expect(own.output?.consents.filter(\.granted).map(\.source) == ["patient"])
        #expect(own.output?.consents.filter { !$0.granted }.map(\.source) == ["staff", "staff", "staff"])
        let read = try await clinic.ask(endpoints.read, ContactPath(contactId: id), scope: .own(patient))
        #expect(read.output == own.output && read.version == "\"3\"")
        let known = try await reach(clinic, id)
        #expect(known?.locale == "hi-IN" && known?.timeZone?.name == "Asia/Kolkata")
        // News of the patient leave the choice as it is.
        try await tell(clinic, patient, email: "b@example.org", version: 2)
        #expect(try await clinic.ask(endpoints.read, ContactPath(contactId: id)).output == own.output)
    }

    /// Whoever ends messages has withdrawn what they agreed to, for as long as that is in force.
    @Test func anOptOutIsAWithdrawal() async throws {
        let clinic = try TestClinic()
        let patient = PatientID()
        let (email, number) = ("ends@example.org", "+4915112345678")
        try await tell(clinic, patient, email: email, phone: number)
        let path = ContactPath(contactId: patient.retagged())
        let categories = [CategoryPreference(category: .marketing, channels: [.email, .sms])]
        var draft = ContactPreferencesDraft(contactId: path.contactId, categories: categories)
        let chosen = try await clinic.ask(endpoints.put, draft)
        #expect(chosen.output?.consents.filter(\.granted).map(\.channel) == [.email, .sms])
        func standing() async throws -> (granted: [MessageChannel], sources: Set<String>, version: String?) {
            let read = try await clinic.ask(endpoints.read, path)
            let consents = try #require(read.output?.consents).filter { $0.category == .marketing }
            #expect(consents.count == MessageChannel.allCases.count)
            return (consents.filter(\.granted).map(\.channel), Set(consents.map(\.source)), read.version)
        }
        let ended = SuppressionDraft(channel: .email, address: email, category: .marketing, reason: .unsubscribe)
        let suppression = try await clinic.ask(MessageDesk.endpoints.suppressions.create, ended)
        let one = try await standing()
        #expect(one.granted == [.sms] && one.version != chosen.version)
        func text(_ said: String) throws -> InboundText {
            InboundText(
                channel: .sms,
                to: "+15005550006",
                from: try #require(PhoneNumber(number)),
                text: said,
                media: [],
                providerMessageID: "SM\(RequestID())"
            )
        }
        try await clinic.take(try text("STOP"))
        let both = try await standing()
        #expect(both.granted.isEmpty && both.sources == ["staff", "keyword"] && both.version != one.version)
        // A STOP is about all messages, and choosing again does not undo it.
        let read = try await clinic.ask(endpoints.read, path)
        #expect(read.output?.consents.filter { $0.channel == .sms && !$0.granted }.count == 4)
        #expect(try await clinic.ask(endpoints.put, draft, ifMatch: one.version).status == 412)
        draft.consents = read.output?.consents
        let again = try await clinic.ask(endpoints.put, draft, ifMatch: both.version)
        #expect(again.status == 200 && again.output?.consents.contains(where: \.granted) == false)
        // Once it is over what they agreed to stands.
        try await clinic.take(try text("START"))
        #expect(try await standing().granted == [.sms])
        let release = SuppressionPath(id: try #require(suppression.output?.id))
        #expect(try await clinic.ask(MessageDesk.endpoints.suppressions.delete, release).status == 204)
        #expect(try await standing().granted == [.email, .sms])
    }

    /// They follow from what is chosen: given ones would read as if they were kept.
    @Test func consentsAreNotSet() async throws {
        let clinic = try TestClinic()
        let patient = PatientID()
        try await tell(clinic, patient, email: "a@example.org")
        var draft = ContactPreferencesDraft(
            contactId: patient.retagged(),
            categories: [CategoryPreference(category: .marketing, channels: [.email])]
        )
        func consent(granted: Bool, at moment: Instant) -> Consent {
            Consent(category: .marketing, channel: .sms, granted: granted, source: "staff", at: moment)
        }
        let later = try #require(Instant(rfc3339: "2099-01-01T00:00:00Z"))
        for given in [
            [consent(granted: true, at: .now())], [consent(granted: true, at: later)],
            [consent(granted: true, at: later), consent(granted: false, at: later)],
        ] {
            draft.consents = given
            let refused = try await clinic.ask(endpoints.put, draft)
            #expect(refused.status == 422 && refused.pointers == ["/consents"])
        }
        draft.consents = nil
        let kept = try await clinic.ask(endpoints.put, draft)
        draft.consents = kept.output?.consents.reversed()
        #expect(try await clinic.ask(endpoints.put, draft).status == 200)
        draft.consents = []
        #expect(try await clinic.ask(endpoints.put, draft).pointers == ["/consents"])
        // Who has read an older version is told so.
        #expect(try await clinic.ask(endpoints.put, draft, ifMatch: "\"1\"").status == 412)
    }

    @Test func othersAreNotThere() async throws {
        let (clinic, other) = (try TestClinic(), try TestClinic())
        let (patient, neighbour) = (PatientID(), PatientID())
        try await tell(clinic, patient, email: "a@example.org")
        try await tell(clinic, neighbour, email: "b@example.org")
        let path = ContactPath(contactId: patient.retagged())
        let draft = ContactPreferencesDraft(contactId: patient.retagged(), categories: [])
        #expect(try await clinic.ask(endpoints.read, path, scope: .own(neighbour)).status == 404)
        #expect(try await clinic.ask(endpoints.put, draft, scope: .own(neighbour)).status == 404)
        #expect(try await other.ask(endpoints.read, path).status == 404)
        #expect(try await other.ask(endpoints.put, draft).status == 404)
        #expect(try await clinic.ask(endpoints.read, ContactPath(contactId: ContactID())).status == 404)
        #expect(try await find(other, .email, "a@example.org").isEmpty)
    }

    @Test func changesAtOnceAreCountedOneByOne() async throws {
        let clinic = try TestClinic()
        let patient = PatientID()
        try await tell(clinic, patient, email: "a@example.org")
        let draft = ContactPreferencesDraft(contactId: patient.retagged(), categories: [])
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await clinic.ask(endpoints.put, draft, ifMatch: "\"1\"").status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.count { $0 == 200 } == 1 && statuses.count { $0 == 412 } == 7)
    }

    @Test func namesAndAddressesAreSealed() async throws {
        let clinic = try TestClinic()
        try await tell(clinic, PatientID(), email: "very.secret@example.org", phone: "+911234567890")
        let inClear = try await clinic.desk.database.inspect(
            """
            select count(*) from known_patients where clinic_id = \(clinic.clinic)
                and (position('secret'::bytea in sealed) > 0 or position('1234567890'::bytea in sealed) > 0)
            """
        ) { rows -> Int64 in try rows[0][0] }
        #expect(inClear == 0)
    }
}

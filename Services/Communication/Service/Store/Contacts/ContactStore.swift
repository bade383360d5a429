import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// Name and addresses of a contact who is no patient.
private struct SealedIdentity: Codable {
    private static let purpose = "contact"

    var name: String?
    var email: EmailAddress?
    var phone: PhoneNumber?
    var whatsAppUser: WhatsAppUserID?

    func seal(for id: ContactID, with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: id.description)
    }

    static func open(_ sealed: [UInt8], of id: ContactID, with sealer: ClinicSealer) throws -> SealedIdentity {
        let plain = try sealer.open(sealed, purpose: purpose, record: id.description)
        return try JSONTape(plain).decode(SealedIdentity.self)
    }
}

/// The tables `contacts` and `contact_identities`, in transactions that are opened for the clinic.
enum ContactStore {
    /// Takes over a patient's addresses; called with each version that replaces another.
    static func keep(
        _ patient: Patient,
        deleted: Bool,
        index: AddressIndex,
        clinic: ClinicID,
        at now: Instant,
        in tx: borrowing Transaction
    ) {
        let id: ContactID = patient.id.retagged()
        tx.execute(
            """
            insert into contacts (clinic_id, id, patient_id, created_at, updated_at)
            values (clinic_id(), \(id), \(patient.id), \(now), \(now)) on conflict do nothing
            """
        )
        if deleted {
            // Whoever registers a device of theirs at this moment is waited for, so that it is seen below.
            tx.execute("select from contacts where clinic_id = clinic_id() and id = \(id) for update")
        }
        let email = patient.email.flatMap { ChannelAddress(.email, $0.address) }
        let phone = patient.phone.flatMap { ChannelAddress(.sms, $0.number) }
        let kept = deleted ? nil : phone.map { index.token($0, clinic) }
        // What WhatsApp calls somebody is known by their number, and lasts as long as that.
        tx.execute(
            """
            delete from contact_identities i where i.clinic_id = clinic_id() and i.contact_id = \(id)
                and not (i.kind = 'whatsapp' and exists (
                    select from contact_identities p where p.clinic_id = clinic_id() and p.contact_id = \(id)
                        and p.kind = 'phone' and p.address_index = \(kept)))
            """
        )
        guard !deleted else { return ContactDeviceStore.remove(of: id, in: tx) }
        for case let address? in [email, phone] { add(address, to: id, index, clinic, in: tx) }
    }

    /// Makes the row of a patient of whom the calendar has told before there were contacts.
    static func keep(_ contact: KnownContact, at now: Instant, in tx: borrowing Transaction) {
        guard let patient = contact.patientID else { return }
        tx.execute(
            """
            insert into contacts (clinic_id, id, patient_id, created_at, updated_at)
            values (clinic_id(), \(contact.id), \(patient), \(now), \(now)) on conflict do nothing
            """
        )
    }

    /// A contact whom the transaction's scope reaches; `nil` for others, and for patients who have been removed.
    static func reach(
        _ id: ContactID,
        forUpdate: Bool = false,
        dataKeys: DataKeyStore,
        in tx: borrowing Transaction
    ) throws -> KnownContact? {
        let rows = try tx.rows(
            """
            select version, patient_id, locale, time_zone, categories, consents, sealed, exists (
                select from contact_devices where clinic_id = clinic_id() and contact_id = \(id))
            from contacts where clinic_id = clinic_id() and id = \(id)\(forUpdate ? " for update" : "" as Query)
            """
        )
        let patientID: PatientID = id.retagged()
        let patient = try ProjectionStore.contact(patientID, dataKeys: dataKeys, in: tx)
        guard let row = rows.first else {
            guard let patient else { return nil }
            return KnownContact(id, version: 1, patientID, patient, .init())
        }
        let (categories, consents): (JSONColumn, JSONColumn) = (try row[4], try row[5])
        let choice = KnownContact.Choice(
            locale: try row[2],
            timeZone: try row[3],
            categories: try JSONTape(categories.json).decode([CategoryPreference].self),
            consents: try JSONTape(consents.json).decode([Consent].self)
        )
        let sealed: [UInt8]? = try row[6]
        if let sealed, let clinic = tx.tenant?.clinic {
            let sealer = try dataKeys.sealer(for: clinic, in: tx)
            let identity = try SealedIdentity.open(sealed, of: id, with: sealer)
            let known = KnownPatient(name: identity.name ?? "", email: identity.email, phone: identity.phone)
            var contact = KnownContact(id, version: try row[0], nil, .init(patient: known, locale: nil), choice)
            contact.whatsAppUser = identity.whatsAppUser
            contact.hasDevices = try row[7]
            return contact
        }
        guard let patient else { return nil }
        var contact = KnownContact(id, version: try row[0], patientID, patient, choice)
        contact.hasDevices = try row[7]
        return contact
    }

    /// Who may be meant by an address: families share theirs.
    static func find(_ addressIndex: [UInt8], in tx: borrowing Transaction) throws -> [ContactID] {
        try tx.rows(
            """
            select contact_id from contact_identities
            where clinic_id = clinic_id() and address_index = \(addressIndex) order by contact_id
            """
        ).map { try $0[0] }
    }

    /// Most patients of one address that are told of; families are smaller.
    private static let mostPatients = 50

    /// The patients whose address it is.
    static func patients(_ addressIndex: [UInt8], in tx: borrowing Transaction) throws -> [PatientID] {
        try tx.rows(
            """
            select c.patient_id from contact_identities i
            join contacts c on c.clinic_id = i.clinic_id and c.id = i.contact_id
            where i.clinic_id = clinic_id() and i.address_index = \(addressIndex) and c.patient_id is not null
            order by c.patient_id limit \(mostPatients)
            """
        ).map { try $0[0] }
    }

    /// Those whose address it is, or a new contact: somebody unknown has written.
    ///
    /// Two messages that come at once make one contact.
    static func findOrMake(
        _ address: ChannelAddress,
        name: String? = nil,
        index: AddressIndex,
        sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [ContactID] {
        let token = index.token(address, sealer.clinic)
        var found = try find(token, in: tx)
        if !found.isEmpty { return found }
        tx.execute("select pg_advisory_xact_lock(hashtextextended(\("contact:\(token.hex)"), 0))")
        found = try find(token, in: tx)
        if !found.isEmpty { return found }
        let id = ContactID(at: now)
        var identity = SealedIdentity(name: name)
        switch address.channel {
        case .email: identity.email = EmailAddress(address.text)
        case .sms, .whatsapp:
            identity.phone = PhoneNumber(address.text)
            identity.whatsAppUser = WhatsAppUserID(address.text)
        case .push: break
        }
        tx.execute(
            """
            insert into contacts (clinic_id, id, sealed, created_at, updated_at)
            values (clinic_id(), \(id), \(try identity.seal(for: id, with: sealer)), \(now), \(now))
            """
        )
        add(address, to: id, index, sealer.clinic, in: tx)
        return [id]
    }

    /// WhatsApp calls those with a number by an id as well: whoever writes under it is one of them.
    static func link(
        _ user: WhatsAppUserID,
        to contacts: [ContactID],
        index: AddressIndex,
        clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        for id in contacts { add(ChannelAddress(user), to: id, index, clinic, in: tx) }
    }

    /// Has those whom WhatsApp called otherwise be known by what it calls them now.
    ///
    /// A patient's number is the record's, which nobody but the clinic changes: whoever writes from the new one is known by both.
    static func follow(
        _ change: WhatsAppIdentityChange,
        index: AddressIndex,
        sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let clinic = sealer.clinic
        let found = try Set(change.before.flatMap { try find(index.token($0, clinic), in: tx) })
        for id in found.sorted(by: { $0.description < $1.description }) {
            for address in change.now { add(address, to: id, index, clinic, in: tx) }
            let rows = try tx.rows(
                "select sealed from contacts where clinic_id = clinic_id() and id = \(id) for update"
            )
            let sealed: [UInt8]? = try rows.first.flatMap { row in try row[0] as [UInt8]? }
            if let sealed {
                var identity = try SealedIdentity.open(sealed, of: id, with: sealer)
                identity.phone = change.number ?? identity.phone
                identity.whatsAppUser = change.user ?? identity.whatsAppUser
                tx.execute(
                    """
                    update contacts set sealed = \(try identity.seal(for: id, with: sealer)), updated_at = \(now)
                    where clinic_id = clinic_id() and id = \(id)
                    """
                )
            }
            for (gone, _) in change.replaced where sealed != nil || WhatsAppUserID(gone.text) != nil {
                tx.execute(
                    """
                    delete from contact_identities where clinic_id = clinic_id() and contact_id = \(id)
                        and address_index = \(index.token(gone, clinic))
                    """
                )
            }
        }
    }

    /// The numbers behind a user id of WhatsApp's, or the ids behind a number.
    static func aliases(_ addressIndex: [UInt8], in tx: borrowing Transaction) throws -> [[UInt8]] {
        try tx.rows(
            """
            select distinct o.address_index from contact_identities i
            join contact_identities o on o.clinic_id = i.clinic_id and o.contact_id = i.contact_id
            where i.clinic_id = clinic_id() and i.address_index = \(addressIndex)
                and (i.kind, o.kind) in (('whatsapp', 'phone'), ('phone', 'whatsapp')) limit \(mostPatients)
            """
        ).map { try $0[0] }
    }

    /// Keeps what a contact has chosen; gives the version.
    static func choose(
        _ choice: KnownContact.Choice,
        for contact: KnownContact,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int64 {
        let categories = JSONColumn(try JSONWriter.encode(choice.categories))
        let consents = JSONColumn(try JSONWriter.encode(choice.consents))
        let rows = try tx.rows(
            """
            insert into contacts (clinic_id, id, version, patient_id, locale, time_zone, categories, consents, created_at, updated_at)
            values (clinic_id(), \(contact.id), 2, \(contact.patientID), \(choice.locale), \(choice.timeZone), \(categories),
                \(consents), \(now), \(now))
            on conflict (clinic_id, id) do update set version = contacts.version + 1, locale = excluded.locale,
                time_zone = excluded.time_zone, categories = excluded.categories, consents = excluded.consents,
                updated_at = excluded.updated_at
            returning version
            """
        )
        guard let row = rows.first else { throw Problem.notFound }
        return try row[0]
    }

    private static func add(
        _ address: ChannelAddress,
        to id: ContactID,
        _ index: AddressIndex,
        _ clinic: ClinicID,
        in tx: borrowing Transaction
    ) {
        let kind =
            switch address.channel {
            case .email: "email"
            case .whatsapp where WhatsAppUserID(address.text) != nil: "whatsapp"
            case .whatsapp, .sms, .push: "phone"
            }
        tx.execute(
            """
            insert into contact_identities (clinic_id, address_index, contact_id, kind)
            values (clinic_id(), \(index.token(address, clinic)), \(id), \(kind)) on conflict do nothing
            """
        )
    }
}

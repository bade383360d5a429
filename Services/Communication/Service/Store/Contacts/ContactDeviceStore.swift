import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig

/// A row of `contact_devices`, opened.
struct StoredDevice: Sendable, Equatable {
    var id: DeviceID
    var version: Int64
    var contact: ContactID
    var addressIndex: [UInt8]
    var token: Secret
    /// What the contact calls it.
    var name: String?
    var platform: DevicePlatform?
    var createdAt: Instant
    /// When the app has last registered it.
    var registeredAt: Instant
    /// When a provider first took a notification for it since; `nil` where none has.
    var takenAt: Instant?
}

extension DevicePlatform: Column {}

/// What of a device is sealed at rest.
private struct SealedDevice: Codable {
    private static let purpose = "contact device"

    var token: String
    var name: String?

    /// Under the index it is found by, so that it stays readable whoever's the device becomes.
    func seal(_ index: [UInt8], with sealer: ClinicSealer) throws -> [UInt8] {
        try sealer.seal(try JSONWriter.encode(self), purpose: Self.purpose, record: index.hex)
    }

    static func open(_ sealed: [UInt8], _ index: [UInt8], with sealer: ClinicSealer) throws -> SealedDevice {
        let plain = try sealer.open(sealed, purpose: purpose, record: index.hex)
        return try JSONTape(plain).decode(SealedDevice.self)
    }
}

/// The table `contact_devices`, in transactions that are opened for the clinic.
///
/// A device is its contact's, whom the caller's scope has to reach: that is looked up before.
enum ContactDeviceStore {
    private static let columns: Query = """
        id, version, contact_id, token_index, sealed, platform, created_at, registered_at, taken_at
        """

    /// Has a token be a contact's from now on, whosever it was; the contact's devices of long ago give way.
    ///
    /// - Parameter addressIndex: of the token; see `AddressIndex`.
    /// - Returns: the device, and whether the contact did not have it before.
    static func register(
        _ draft: ContactDeviceDraft,
        addressIndex: [UInt8],
        of contact: KnownContact,
        sealer: ClinicSealer,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> (device: StoredDevice, isNew: Bool) {
        let id = DeviceID(at: now)
        let sealed = try SealedDevice(token: draft.pushToken, name: draft.name).seal(addressIndex, with: sealer)
        ContactStore.keep(contact, at: now, in: tx)
        let rows = try tx.rows(
            """
            insert into contact_devices as d (clinic_id, id, contact_id, token_index, sealed, platform, created_at, registered_at)
            values (clinic_id(), \(id), \(contact.id), \(addressIndex), \(sealed), \(draft.platform), \(now), \(now))
            on conflict (clinic_id, token_index) do update set
                id = case when d.contact_id = excluded.contact_id then d.id else excluded.id end,
                version = case when d.contact_id = excluded.contact_id then d.version + 1 else 1 end,
                created_at = case when d.contact_id = excluded.contact_id then d.created_at else excluded.created_at end,
                contact_id = excluded.contact_id, sealed = excluded.sealed, platform = excluded.platform,
                registered_at = excluded.registered_at, taken_at = null
            returning \(columns)
            """
        )
        guard let row = rows.first else { throw Problem.unavailable("The list of devices") }
        let device = try decode(row, with: sealer)
        giveWay(contact.id, in: tx)
        return (device, device.id == id)
    }

    /// One that somebody else registers at this moment is on its way to them, and not counted.
    private static func giveWay(_ contact: ContactID, in tx: borrowing Transaction) {
        tx.execute(
            """
            delete from contact_devices where clinic_id = clinic_id() and id in (
                select id from contact_devices where clinic_id = clinic_id() and contact_id = \(contact)
                order by registered_at desc, id desc offset \(ContactDevice.most) for update skip locked)
            """
        )
    }

    /// Those of a contact, newest first, after a position.
    static func list(
        of contact: ContactID,
        after: DeviceID?,
        limit: Int,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> [StoredDevice] {
        var query: Query = """
            select \(columns) from contact_devices where clinic_id = clinic_id() and contact_id = \(contact)
            """
        if let after { query += " and id < \(after)" }
        query += " order by id desc limit \(limit)"
        return try tx.rows(query).map { try decode($0, with: sealer) }
    }

    static func find(
        _ id: DeviceID,
        of contact: ContactID,
        forUpdate: Bool = false,
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> StoredDevice? {
        var query: Query = """
            select \(columns) from contact_devices
            where clinic_id = clinic_id() and id = \(id) and contact_id = \(contact)
            """
        if forUpdate { query += " for update" }
        return try tx.rows(query).first.map { try decode($0, with: sealer) }
    }

    /// Those of some contacts, each's last registered first.
    static func all(
        of contacts: [ContactID],
        sealer: ClinicSealer,
        in tx: borrowing Transaction
    ) throws -> [ContactID: [StoredDevice]] {
        guard !contacts.isEmpty else { return [:] }
        let rows = try tx.rows(
            """
            select \(columns) from contact_devices where clinic_id = clinic_id() and contact_id = any (\(contacts))
            order by registered_at desc, id desc
            """
        )
        return Dictionary(grouping: try rows.map { try decode($0, with: sealer) }, by: \.contact)
    }

    static func remove(_ id: DeviceID, in tx: borrowing Transaction) {
        tx.execute("delete from contact_devices where clinic_id = clinic_id() and id = \(id)")
    }

    /// All of a contact who is no more.
    static func remove(of contact: ContactID, in tx: borrowing Transaction) {
        tx.execute("delete from contact_devices where clinic_id = clinic_id() and contact_id = \(contact)")
    }

    /// A provider says that the app is gone; one that has been registered since is there again.
    static func giveUp(_ device: PushDevice, in tx: borrowing Transaction) {
        tx.execute(
            """
            delete from contact_devices where clinic_id = clinic_id() and token_index = \(device.addressIndex)
                and registered_at = \(device.registeredAt)
            """
        )
    }

    /// A provider has taken a notification for it.
    static func taken(_ device: PushDevice, at now: Instant, in tx: borrowing Transaction) {
        tx.execute(
            """
            update contact_devices set taken_at = \(now) where clinic_id = clinic_id()
                and token_index = \(device.addressIndex) and registered_at = \(device.registeredAt)
            """
        )
    }

    private static func decode(_ row: Row, with sealer: ClinicSealer) throws -> StoredDevice {
        let index: [UInt8] = try row[3]
        let content = try SealedDevice.open(try row[4], index, with: sealer)
        return StoredDevice(
            id: try row[0],
            version: try row[1],
            contact: try row[2],
            addressIndex: index,
            token: Secret(content.token),
            name: content.name,
            platform: try row[5],
            createdAt: try row[6],
            registeredAt: try row[7],
            takenAt: try row[8]
        )
    }
}

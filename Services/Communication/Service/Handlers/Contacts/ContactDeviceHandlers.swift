import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// The apps by which contacts are reached: registered by whoever holds the device, listed, taken off.
struct ContactDeviceHandlers: Sendable {
    let endpoints: ContactDeviceEndpoints
    let dataKeys: DataKeyStore
    let index: AddressIndex
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.register, register)
        table.read(endpoints.list, list)
        table.read(endpoints.read, read)
        table.change(endpoints.delete, delete)
    }

    @Sendable private func register(
        _ draft: ContactDeviceDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<ContactDevice> {
        let address = try Self.check(draft)
        let contact = try contact(draft.contactId, forUpdate: true, tx)
        let addressIndex = index.token(address, context.clinic)
        let (device, isNew) = try ContactDeviceStore.register(
            draft,
            addressIndex: addressIndex,
            of: contact,
            sealer: try dataKeys.sealer(for: context.clinic, in: tx),
            at: context.now,
            in: tx
        )
        // What providers have said of the app is older than its own word.
        _ = try SuppressionStore.remove(channel: .push, addressIndex: addressIndex, reason: .hardBounce, in: tx)
        return Reply(
            Self.shown(device),
            status: isNew ? nil : 200,
            version: device.version,
            location: "\(RouteTable.base)/communication/contacts/\(contact.id)/devices/\(device.id)",
            audit: AuditDetail(resource: "\(device.id)", patient: contact.patientID)
        )
    }

    @Sendable private func list(
        _ request: ContactDeviceListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<ContactDevice>> {
        let contact = try contact(request.contactId, tx)
        let name = "devices\u{1E}\(contact.id)"
        let limit = request.limit ?? Page<ContactDevice>.usualLimit
        let after = try cursors.open(request.cursor, list: name, clinic: context.clinic)?.first
            .flatMap { DeviceID($0) }
        let found = try ContactDeviceStore.list(
            of: contact.id,
            after: after,
            limit: limit + 1,
            sealer: try dataKeys.sealer(for: context.clinic, in: tx),
            in: tx
        )
        let page = Page(found, limit: limit) {
            cursors.seal(["\($0.id)"], list: name, clinic: context.clinic)
        } showing: {
            $0.map(Self.shown)
        }
        return Reply(page, audit: AuditDetail(patient: contact.patientID))
    }

    @Sendable private func read(
        _ path: ContactDevicePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<ContactDevice> {
        let contact = try contact(path.contactId, tx)
        let device = try device(path, context, tx)
        return Reply(
            Self.shown(device),
            version: device.version,
            audit: AuditDetail(resource: "\(device.id)", patient: contact.patientID)
        )
    }

    @Sendable private func delete(
        _ path: ContactDevicePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        let contact = try contact(path.contactId, tx)
        let device = try device(path, forUpdate: true, context, tx)
        try context.checkMatch(version: device.version)
        ContactDeviceStore.remove(device.id, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: "\(device.id)", patient: contact.patientID))
    }

    /// A contact whom the caller's scope reaches: patients themselves, staff everybody.
    private func contact(
        _ id: ContactID,
        forUpdate: Bool = false,
        _ tx: borrowing Transaction
    ) throws -> KnownContact {
        let found = try ContactStore.reach(id, forUpdate: forUpdate, dataKeys: dataKeys, in: tx)
        guard let found else { throw Problem.notFound }
        return found
    }

    private func device(
        _ path: ContactDevicePath,
        forUpdate: Bool = false,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> StoredDevice {
        let found = try ContactDeviceStore.find(
            path.deviceId,
            of: path.contactId,
            forUpdate: forUpdate,
            sealer: try dataKeys.sealer(for: context.clinic, in: tx),
            in: tx
        )
        guard let found else { throw Problem.notFound }
        return found
    }

    /// Throws 422 for a token that no provider would take, and a name that is more than a line.
    private static func check(_ draft: ContactDeviceDraft) throws(Problem) -> ChannelAddress {
        var faults = AddressRules.faults(inPushToken: draft.pushToken, at: "/pushToken")
        if draft.name?.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) == true {
            faults.append(.init(pointer: "/name", "must be one line without control characters"))
        }
        guard let address = ChannelAddress(.push, draft.pushToken), faults.isEmpty else { throw .invalid(faults) }
        return address
    }

    private static func shown(_ device: StoredDevice) -> ContactDevice {
        ContactDevice(
            id: device.id,
            contactId: device.contact,
            pushToken: Mask.masked(.string(device.token.unredacted)).string ?? "",
            name: device.name,
            platform: device.platform,
            createdAt: device.createdAt,
            registeredAt: device.registeredAt
        )
    }
}

package import Contracts
package import Core

/// What an app runs on.
package enum DevicePlatform: String, Hashable, Sendable, Codable, CaseIterable {
    case android, ios, web
}

/// An installed app by which a contact is reached.
package struct ContactDevice: Wire, Hashable {
    /// Most devices of one contact: the one that was registered longest ago gives way to a further one.
    package static let most = 10

    package var id: DeviceID
    package var contactId: ContactID
    /// The end of its push token: `••••1234`.
    package var pushToken: String
    package var name: String?
    package var platform: DevicePlatform?
    package var createdAt: Instant
    /// When the app has last registered it: notices go to the one registered last.
    package var registeredAt: Instant

    package init(
        id: DeviceID,
        contactId: ContactID,
        pushToken: String,
        name: String?,
        platform: DevicePlatform?,
        createdAt: Instant,
        registeredAt: Instant
    ) {
        self.id = id
        self.contactId = contactId
        self.pushToken = pushToken
        self.name = name
        self.platform = platform
        self.createdAt = createdAt
        self.registeredAt = registeredAt
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.pushToken, "The end of its push token: ••••1234."),
            .describe(
                CodingKeys.registeredAt,
                "When the app has last registered it: notices go to the one registered last."
            ),
        ]
    }
}

/// A device that registers itself.
package struct ContactDeviceDraft: Wire {
    package var contactId: ContactID
    /// What names the installed app to the push provider.
    package var pushToken: String
    /// What the contact calls it.
    package var name: String?
    package var platform: DevicePlatform?

    package init(contactId: ContactID, pushToken: String, name: String? = nil, platform: DevicePlatform? = nil) {
        self.contactId = contactId
        self.pushToken = pushToken
        self.name = name
        self.platform = platform
    }

    package static var limits: [Limit] {
        [
            .length(CodingKeys.pushToken, RecipientDraft.pushTokenLengths), .length(CodingKeys.name, 1...100),
            .describe(CodingKeys.pushToken, "What names the installed app to the push provider; never shown again."),
            .describe(CodingKeys.name, "What the contact calls the device."),
        ]
    }
}

/// Which devices of a contact a list holds.
package struct ContactDeviceListRequest: Wire {
    package var contactId: ContactID
    package var limit: Int?
    package var cursor: String?

    package init(contactId: ContactID, limit: Int? = nil, cursor: String? = nil) {
        self.contactId = contactId
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [.range(CodingKeys.limit, 1...Int64(Page<ContactDevice>.highestLimit)), .length(CodingKeys.cursor, 1...1_000)]
    }
}

/// Names a device of a contact.
package struct ContactDevicePath: Wire {
    package var contactId: ContactID
    package var deviceId: DeviceID

    package init(contactId: ContactID, deviceId: DeviceID) {
        self.contactId = contactId
        self.deviceId = deviceId
    }
}

/// The apps by which contacts are reached.
package struct ContactDeviceEndpoints: Sendable {
    package let register = Endpoint(
        "communication.devices.register",
        .POST,
        "/communication/contacts/{contactId}/devices",
        service: .communication,
        guard: .permission(CommunicationPermissions.createDevices),
        takes: ContactDeviceDraft.self,
        gives: ContactDevice.self,
        status: 201,
        furtherStatuses: [200],
        audit: .change,
        summary:
            "Have notices reach an installed app; 200 when it is the contact's already, and whoever held it before loses it"
    )
    package let list = Endpoint(
        "communication.devices.list",
        .GET,
        "/communication/contacts/{contactId}/devices",
        service: .communication,
        guard: .permission(CommunicationPermissions.readDevices),
        takes: ContactDeviceListRequest.self,
        gives: Page<ContactDevice>.self,
        audit: .read,
        summary: "The apps by which a contact is reached, newest first"
    )
    package let read = Endpoint(
        "communication.devices.read",
        .GET,
        "/communication/contacts/{contactId}/devices/{deviceId}",
        service: .communication,
        guard: .permission(CommunicationPermissions.readDevices),
        takes: ContactDevicePath.self,
        gives: ContactDevice.self,
        audit: .read,
        summary: "One app by which a contact is reached"
    )
    package let delete = Endpoint(
        "communication.devices.delete",
        .DELETE,
        "/communication/contacts/{contactId}/devices/{deviceId}",
        service: .communication,
        guard: .permission(CommunicationPermissions.deleteDevices),
        takes: ContactDevicePath.self,
        gives: EmptyOutput.self,
        audit: .change,
        precondition: .honoured,
        summary: "Send no more notices to an app"
    )

    package init() {}

    package var all: [any EndpointDescription] { [register, list, read, delete] }
}

package import Contracts

/// The permissions that communication's operations ask for.
package enum CommunicationPermissions {
    package static let readConfiguration = Permission("communication_config:read")
    package static let createConfiguration = Permission("communication_config:create")
    package static let updateConfiguration = Permission("communication_config:update")
    package static let deleteConfiguration = Permission("communication_config:delete")
    package static let readInstallation = Permission("installation_config:read")
    package static let updateInstallation = Permission("installation_config:update")
    package static let deleteInstallation = Permission("installation_config:delete")
    package static let send = Permission("messages:send")
    /// Asked for on top of `send` when a message is `critical`.
    package static let sendCritical = Permission("messages:send_critical")
    package static let read = Permission("messages:read")
    /// Asked for on top of `read` to be shown recipient and text.
    package static let readContent = Permission("messages:read_content")
    package static let createSuppressions = Permission("suppressions:create")
    package static let readSuppressions = Permission("suppressions:read")
    package static let updateSuppressions = Permission("suppressions:update")
    package static let deleteSuppressions = Permission("suppressions:delete")
    package static let createDevices = Permission("devices:create")
    package static let readDevices = Permission("devices:read")
    package static let deleteDevices = Permission("devices:delete")
    /// What somebody has written is shown only with `readContent` on top.
    package static let readConversations = Permission("conversations:read")
    package static let readReports = Permission("reports:read")
    package static let createTemplates = Permission("templates:create")
    package static let readTemplates = Permission("templates:read")
    package static let updateTemplates = Permission("templates:update")
    package static let deleteTemplates = Permission("templates:delete")
}

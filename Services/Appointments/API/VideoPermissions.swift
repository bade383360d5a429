package import Contracts

/// The permissions that video's operations ask for.
package enum VideoPermissions {
    package static let readConfiguration = Permission("video_config:read")
    package static let updateConfiguration = Permission("video_config:update")
    package static let readInstallation = Permission("installation_config:read")
    package static let updateInstallation = Permission("installation_config:update")
    package static let deleteInstallation = Permission("installation_config:delete")
}

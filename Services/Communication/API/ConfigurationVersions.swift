package import Contracts
package import Core

/// The versions of a clinic's configuration, the newest first: at most the last 200.
package struct ConfigurationVersions: Wire {
    package struct Version: Wire, Hashable {
        package var version: Int64
        package var updatedAt: Instant
        package var updatedBy: String

        package init(version: Int64, updatedAt: Instant, updatedBy: String) {
            self.version = version
            self.updatedAt = updatedAt
            self.updatedBy = updatedBy
        }
    }

    package var items: [Version]

    package init(items: [Version]) { self.items = items }
}

/// Names one version of a clinic's configuration.
package struct ConfigurationVersionPath: Wire {
    package var clinicId: ClinicID
    package var version: Int64

    package init(clinicId: ClinicID, version: Int64) {
        self.clinicId = clinicId
        self.version = version
    }

    package static var limits: [Limit] { [.range(CodingKeys.version, 1...Int64(Int32.max))] }
}

package import Contracts
package import Core

/// A version of a clinic's configuration.
package struct ConfigurationVersion: Wire, Hashable {
    package var version: Int64
    package var updatedAt: Instant
    package var updatedBy: String

    package init(version: Int64, updatedAt: Instant, updatedBy: String) {
        self.version = version
        self.updatedAt = updatedAt
        self.updatedBy = updatedBy
    }
}

/// In which order a list has versions of a configuration.
package enum ConfigurationVersionOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-version"
    case oldestFirst = "version"
}

/// Which of a clinic's versions to list.
package struct ConfigurationVersionsRequest: Wire {
    package var clinicId: ClinicID
    package var sort: ConfigurationVersionOrder?
    package var limit: Int?
    package var cursor: String?

    package init(
        clinicId: ClinicID,
        sort: ConfigurationVersionOrder? = nil,
        limit: Int? = nil,
        cursor: String? = nil
    ) {
        self.clinicId = clinicId
        self.sort = sort
        self.limit = limit
        self.cursor = cursor
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.sort, "-version, the newest first, when absent."),
            .range(CodingKeys.limit, 1...200), .length(CodingKeys.cursor, 1...1_000),
        ]
    }
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

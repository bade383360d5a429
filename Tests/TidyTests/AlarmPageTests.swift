import CommunicationAPI
import Testing

/// `deploy/README.md` says of each alert what it means, and names metrics that there are.
@Suite struct AlarmPageTests {
    private static let page = "deploy/README.md"
    private static let metrics = "Shared/Telemetry/MetricName.swift"

    /// What stands in the first cell of each row of the page's tables, as far as it is a name.
    private static func names() throws -> [String] {
        let page = try #require(SourceTree.files(below: ["deploy"]).first { $0.path == Self.page })
        return page.lines.filter { $0.hasPrefix("| `") }.map { String($0.dropFirst(3).prefix { $0 != "`" }) }
    }

    @Test func everyAlertIsExplained() throws {
        let names = try Self.names()
        for alert in AlertKind.allCases {
            #expect(names.count { $0 == alert.rawValue } == 1, "\(Self.page) has no row of \(alert.rawValue)")
        }
    }

    @Test func alarmsAreOfMetricsThatThereAre() throws {
        let metrics = try #require(SourceTree.swift(below: ["Shared"]).first { $0.path == Self.metrics })
        let alarms = try Self.names().filter { $0.hasPrefix("polyclinic_") }
        #expect(alarms.count > 10)
        for name in alarms {
            #expect(metrics.lines.contains { $0.contains("\"\(name)\"") }, "there is no metric \(name)")
        }
    }
}

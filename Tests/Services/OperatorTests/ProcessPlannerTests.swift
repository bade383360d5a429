import Core
import FoundationEssentials
import LocalServers
import Settings
import Testing

@testable import Operator

@Suite struct ProcessPlannerTests {
    private static let programs = ServiceName.allCases.map(\.rawValue) + ["gateway", "sandbox"]

    private func plans(_ folder: String) throws -> [ProcessPlan] {
        let settings = Settings(["POLYCLINIC_HOME": folder, "POLYCLINIC_PORT": "0"])
        let home = try Home(settings)
        try home.prepare()
        for program in Self.programs {
            #expect(FileManager.default.createFile(atPath: "\(folder)/\(program)", contents: nil))
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: "\(folder)/\(program)")
        }
        let databases = ServiceName.allCases.map {
            ($0.rawValue, "postgresql://polyclinic_\($0.rawValue):secret-\($0.rawValue)@h/d")
        }
        let installation = Installation(
            ownerURL: "postgresql://owner:secret-owner@h/d",
            databaseURLs: Dictionary(uniqueKeysWithValues: databases),
            redisURL: "redis://:r@h:1/0",
            keyPrefix: "pc",
            keyFile: home.keyFile,
            publicURL: "http://localhost:1",
            health: [:]
        )
        return try ProcessPlanner(
            home: home,
            installation: installation,
            ports: DevPorts(home: home, settings: settings),
            binaries: folder,
            environment: ["LOG_LEVEL": "debug", "AWS_SECRET_ACCESS_KEY": "not yours"]
        ).plans()
    }

    @Test func aProcessGetsItsOwnSecretsAndNobodyElses() throws {
        let folder = FileManager.default.temporaryDirectory.path() + "plans-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let plans = try plans(folder)
        #expect(Set(plans.map(\.name)) == Set(Self.programs))
        #expect(Set(plans.map(\.healthPort)).count == plans.count)
        for plan in plans {
            let variables = plan.command.environment
            let text = variables.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
            #expect(!text.contains("not yours") && !text.contains("secret-owner"))
            #expect(plan.command.arguments.isEmpty)
            let secrets = ServiceName.allCases.filter { text.contains("secret-\($0.rawValue)") }.map(\.rawValue)
            #expect(secrets == (ServiceName(rawValue: plan.name) == nil ? [] : [plan.name]))
            #expect(variables["LOG_LEVEL"] == "debug")
            #expect(variables["POLYCLINIC_HEALTH_HOST"] == "127.0.0.1")
            if plan.name != "sandbox" {
                #expect(variables["POLYCLINIC_KEYS_FILE"] == "\(folder)/keys/\(plan.name).json")
            } else {
                #expect(variables["REDIS_URL"] == nil && variables["POLYCLINIC_KEYS_FILE"] == nil)
            }
        }
    }

    @Test func aMissingProgramIsNamed() throws {
        let folder = FileManager.default.temporaryDirectory.path() + "plans-\(RequestID())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings = Settings(["POLYCLINIC_HOME": folder, "POLYCLINIC_PORT": "0"])
        let home = try Home(settings)
        try home.prepare()
        let planner = ProcessPlanner(
            home: home,
            installation: Installation(
                ownerURL: "",
                databaseURLs: ["access": "postgresql://h/d"],
                redisURL: "",
                keyPrefix: "",
                keyFile: "",
                publicURL: "",
                health: [:]
            ),
            ports: try DevPorts(home: home, settings: settings),
            binaries: folder,
            environment: [:]
        )
        #expect(throws: OperatorError.self) { try planner.plans() }
    }
}

// swift-tools-version:6.3
import Foundation
import PackageDescription

/// Everything strict; a misspelt feature name is accepted silently, so they stand here once.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"), .enableUpcomingFeature("ImmutableWeakCaptures"),
]

// MARK: - Libraries that others keep well

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypesHTTP1: Target.Dependency = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")

// MARK: - The four kinds of target

/// A module that more than one service uses.
func shared(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> [Target] {
    [
        .target(
            name: name,
            dependencies: dependencies,
            path: "Shared/\(name)",
            exclude: [],
            resources: resources,
            swiftSettings: strict
        )
    ]
}

/// A C library of the system: a module map and a header, nothing else.
func system(_ name: String) -> [Target] { [.systemLibrary(name: name, path: "Shared/\(name)")] }

/// A service: what it promises (`XAPI`), what it does (`X`), and its process (lower-case product).
func service(
    _ name: String,
    product: String,
    api: Bool = true,
    _ dependencies: [Target.Dependency],
    resources: [Resource]? = nil
) -> [Target] {
    var targets: [Target] = []
    if api {
        targets.append(
            .target(
                name: "\(name)API",
                dependencies: ["Core", "Contracts"],
                path: "Services/\(name)/API",
                swiftSettings: strict
            )
        )
    }
    targets.append(
        .target(
            name: name,
            dependencies: dependencies + (api ? [.target(name: "\(name)API")] : []),
            path: "Services/\(name)/Service",
            resources: resources,
            swiftSettings: strict
        )
    )
    targets.append(
        .executableTarget(
            name: product,
            dependencies: [.target(name: name), "Launch"],
            path: "Services/\(name)/Main",
            swiftSettings: strict
        )
    )
    return targets
}

/// Tests of one module, at `Tests/Shared/<Module>Tests`, `Tests/Services/<Name>Tests` or `Tests/<Name>`.
func tests(_ name: String, in folder: String = "", _ dependencies: [Target.Dependency]) -> [Target] {
    let path = folder.isEmpty ? "Tests/\(name)" : "Tests/\(folder)/\(name)"
    return [
        .testTarget(
            name: name,
            dependencies: dependencies + ["TestKit"],
            path: path,
            swiftSettings: strict
        )
    ]
}

/// The SQL files of a module, embedded into it as `[UInt8]` constants: `0001_jobs.sql` is
/// `PackageResources._001_jobs_sql` (the first digit makes room for `_`).
///
/// The generated file compiles under the strict settings as it is. The folder is named, not its files, since an
/// evaluated manifest is kept until its text changes.
func migrations(_ folder: String) -> [Resource] {
    let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(folder)
    return FileManager.default.fileExists(atPath: directory.path) ? [.embedInCode("Migrations")] : []
}

let apis: [Target.Dependency] = ["AccessAPI", "CommunicationAPI", "AppointmentsAPI", "BillingAPI"]
let serviceBase: [Target.Dependency] = [
    "Core", "Contracts", "Authorization", "Resilience", "Settings", "Telemetry", "Vault", "Postgres", "Redis", "Bus",
    "Outbox", "Jobs", "ProviderConfig", "Outbound", "ServiceHost", lifecycle, logging,
]

var targets: [Target] = []
targets += system("CLibPQ") + system("CHiredis") + system("CCurl") + system("CGlibc")
targets += shared("Core", [])
targets += shared("Launch", ["CGlibc"])
targets += shared("Threads", ["CGlibc"])
targets += shared("Contracts", ["Core"])
targets += shared("Resilience", ["Core"])
targets += shared("Settings", ["Core", configuration])
targets += shared(
    "Telemetry",
    ["Core", "Settings", logging, metrics, coreMetrics, hummingbird, hummingbirdCore, httpTypes, lifecycle, nioCore]
)
targets += shared("AuditLog", ["Core", crypto])
targets += shared("Authorization", ["Core", "Contracts"])
targets += shared("Vault", ["Core", crypto])
targets += shared(
    "Outbound",
    ["Core", "Threads", "CCurl", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging, lifecycle]
)
targets += shared("Postgres", ["Core", "Threads", "CLibPQ", deque, lifecycle, logging, metrics, crypto])
targets += shared("Redis", ["Core", "CHiredis", deque, lifecycle, logging, nioCore, nioPosix, nioSSL])
targets += shared(
    "Bus",
    ["Core", "Contracts", "Authorization", "Resilience", "Telemetry", "Redis", crypto, lifecycle, logging, metrics]
)
targets += shared(
    "Jobs",
    ["Core", "Contracts", "Resilience", "Telemetry", "Postgres", lifecycle, logging, metrics],
    resources: migrations("Shared/Jobs/Migrations")
)
targets += shared(
    "ProviderConfig",
    ["Core", "Contracts", "Vault", "Postgres", logging, metrics],
    resources: migrations("Shared/ProviderConfig/Migrations")
)
targets += shared(
    "Outbox",
    ["Core", "Contracts", "Telemetry", "Postgres", "Redis", "Bus", lifecycle, logging, metrics],
    resources: migrations("Shared/Outbox/Migrations")
)
targets += shared(
    "ServiceHost",
    [
        "Core", "Contracts", "Authorization", "Resilience", "Settings", "Telemetry", "Vault", "Postgres", "Redis",
        "Bus",
        "Outbox", "Jobs", "ProviderConfig", lifecycle, unixSignals, logging, metrics,
    ],
    resources: migrations("Shared/ServiceHost/Migrations")
)
targets += shared("LocalServers", ["Core", "Threads", "Postgres", logging], resources: [.embedInCode("roles.sql")])

targets += service(
    "Gateway",
    product: "gateway",
    api: false,
    ["Core", "Contracts", "Authorization", "Resilience", "Settings", "Telemetry", "Vault", "Redis", "Bus"] + apis + [
        hummingbird, hummingbirdCore, httpTypes, jwtKit, crypto, lifecycle, unixSignals, logging, metrics, nioCore,
        nioHTTP1, nioPosix, nioHTTPTypesHTTP1,
    ]
)
targets += service(
    "Access",
    product: "access",
    serviceBase + ["AuditLog", "AppointmentsAPI", "CommunicationAPI", jwtKit, crypto, cryptoExtras],
    resources: migrations("Services/Access/Service/Migrations")
)
targets += service(
    "Communication",
    product: "communication",
    serviceBase + ["AccessAPI", "AppointmentsAPI", "BillingAPI", mustache, crypto, cryptoExtras, x509, asn1, metrics],
    resources: migrations("Services/Communication/Service/Migrations")
)
targets += service(
    "Appointments",
    product: "appointments",
    serviceBase + ["AccessAPI", "BillingAPI", "CommunicationAPI", cryptoExtras],
    resources: migrations("Services/Appointments/Service/Migrations")
)
targets += service(
    "Billing",
    product: "billing",
    serviceBase + ["AccessAPI", "AppointmentsAPI", crypto],
    resources: migrations("Services/Billing/Service/Migrations")
)
targets += service(
    "Sandbox",
    product: "sandbox",
    api: false,
    [
        "Core", "Contracts", "Settings", "Telemetry", "AuditLog", hummingbird, hummingbirdCore, httpTypes,
        asyncHTTPClient, crypto, cryptoExtras, x509, asn1, nioCore, nioPosix, deque, lifecycle, logging,
    ]
)
targets += service(
    "Operator",
    product: "polyclinic",
    api: false,
    [
        "Core", "Contracts", "Settings", "Telemetry", "Vault", "AuditLog", "Postgres", "Redis", "Bus", "Outbox", "Jobs",
        "ServiceHost", "LocalServers",
        "Access", "Communication", "Appointments", "Billing", argumentParser, asyncHTTPClient, nioCore, nioHTTP1,
        crypto, logging, lifecycle,
    ] + apis
)

// MARK: - Tests

targets += [
    .target(
        name: "TestKit",
        dependencies: ["Core", "Contracts", "Postgres", "LocalServers", logging],
        path: "Tests/TestKit",
        swiftSettings: strict
    )
]
targets += [
    .executableTarget(
        name: "micro",
        dependencies: [
            "Core", "Contracts", "Authorization", "AuditLog", "Vault", "Postgres", "Redis", "Bus", "Outbox", "Jobs",
            "ProviderConfig", "ServiceHost", "TestKit", "Access", logging,
        ],
        path: "Benchmarks/Micro",
        swiftSettings: strict
    )
]
var testTargets: [Target] = []
testTargets += tests("CoreTests", in: "Shared", ["Core"])
testTargets += tests("ContractsTests", in: "Shared", ["Core", "Contracts"])
testTargets += tests("ResilienceTests", in: "Shared", ["Core", "Resilience"])
testTargets += tests("TelemetryTests", in: "Shared", ["Core", "Settings", "Telemetry", logging, coreMetrics])
testTargets += tests("AuditLogTests", in: "Shared", ["Core", "AuditLog", crypto])
testTargets += tests("AuthorizationTests", in: "Shared", ["Core", "Contracts", "Authorization"] + apis)
testTargets += tests("VaultTests", in: "Shared", ["Core", "Vault", crypto])
testTargets += tests(
    "OutboundTests",
    in: "Shared",
    ["Core", "Contracts", "Outbound", logging, nioCore, nioPosix, nioEmbedded, nioSSL]
)
testTargets += tests("PostgresTests", in: "Shared", ["Core", "Postgres", logging])
testTargets += tests("RedisTests", in: "Shared", ["Core", "Redis", "LocalServers", logging, lifecycle, nioCore])
testTargets += tests(
    "BusTests",
    in: "Shared",
    ["Core", "Contracts", "Authorization", "Redis", "Bus", "Telemetry", "LocalServers", logging, lifecycle]
)
testTargets += tests(
    "OutboxTests",
    in: "Shared",
    ["Core", "Contracts", "Postgres", "Redis", "Bus", "Outbox", lifecycle, logging]
)
testTargets += tests(
    "JobsTests",
    in: "Shared",
    ["Core", "Resilience", "Postgres", "Redis", "Outbox", "Jobs", lifecycle, logging]
)
testTargets += tests(
    "ProviderConfigTests",
    in: "Shared",
    ["Core", "Contracts", "Vault", "Postgres", "Outbox", "ProviderConfig", logging]
)
testTargets += tests(
    "ServiceHostTests",
    in: "Shared",
    [
        "Core", "Contracts", "Authorization", "Postgres", "Redis", "Bus", "Outbox", "Jobs", "Vault", "ProviderConfig",
        "ServiceHost", logging, lifecycle,
    ]
)
testTargets += tests(
    "GatewayTests",
    in: "Services",
    [
        "Core", "Contracts", "Authorization", "Settings", "Telemetry", "Vault", "Redis", "Bus", "Gateway",
        asyncHTTPClient, jwtKit, crypto, lifecycle, nioCore, nioPosix, nioHTTP1, logging,
    ] + apis
)
testTargets += tests(
    "AccessTests",
    in: "Services",
    serviceBase + ["Access", "AccessAPI", "AppointmentsAPI", "AuditLog", "Sandbox", crypto]
)
testTargets += tests(
    "CommunicationTests",
    in: "Services",
    serviceBase + [
        "Communication", "CommunicationAPI", "AppointmentsAPI", "AccessAPI", "BillingAPI", "Sandbox", "LocalServers",
        crypto, cryptoExtras,
    ]
)
testTargets += tests(
    "AppointmentsTests",
    in: "Services",
    serviceBase + ["Appointments", "AppointmentsAPI", "AccessAPI", "CommunicationAPI", cryptoExtras]
)
testTargets += tests(
    "BillingTests",
    in: "Services",
    serviceBase + ["Billing", "BillingAPI", "AppointmentsAPI", "AccessAPI", "Sandbox", crypto]
)
testTargets += tests(
    "SandboxTests",
    in: "Services",
    ["Core", "Contracts", "Sandbox", asyncHTTPClient, nioCore, nioHTTP1, crypto, cryptoExtras, logging]
)
testTargets += tests(
    "OperatorTests",
    in: "Services",
    [
        "Core", "Contracts", "Operator", "AuditLog", "LocalServers", "Settings", "Vault", "Postgres", "Redis", "Bus",
        "Outbox", "Jobs", "ProviderConfig", "AccessAPI", logging,
        // The program itself, which these tests run.
        "polyclinic",
    ]
)
testTargets += tests(
    "SystemTests",
    serviceBase + apis + [
        "Gateway", "Access", "Communication", "Appointments", "Billing", "Sandbox", "Operator", "AuditLog",
        "LocalServers", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, crypto,
        // The real processes, which these tests start and kill.
        "gateway", "access", "communication", "appointments", "billing", "sandbox", "polyclinic",
    ]
)
testTargets += tests("TidyTests", apis + ["Core", "Contracts"])

if let only = ProcessInfo.processInfo.environment["ONLY_TESTS"] {
    let wanted = Set(only.split(separator: ",").map(String.init))
    testTargets = testTargets.filter { wanted.contains($0.name) }
    // Nothing that these tests do not need: a module that is being changed does not stand in their way.
    let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
    var needed: Set<String> = []
    func need(_ target: Target) {
        for case .byNameItem(let name, _) in target.dependencies where needed.insert(name).inserted {
            if let next = byName[name] { need(next) }
        }
        for case .targetItem(let name, _) in target.dependencies where needed.insert(name).inserted {
            if let next = byName[name] { need(next) }
        }
    }
    testTargets.forEach(need)
    targets = targets.filter { needed.contains($0.name) }
}

let package = Package(
    name: "polyclinic",
    platforms: [.macOS(.v26)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: targets + testTargets
)

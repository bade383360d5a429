import Testing

/// Who may import what: libraries stand behind one module of ours each, and layers keep to their own.
@Suite struct ImportRuleTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        let module: String
        /// Prefixes of the paths that may import it.
        let only: [String]
        var testDescription: String { module }
    }

    static let rules: [Rule] = [
        Rule(module: "CLibPQ", only: ["Shared/Postgres/"]),
        Rule(module: "CHiredis", only: ["Shared/Redis/"]),
        Rule(module: "CCurl", only: ["Shared/Outbound/"]),
        Rule(module: "CGlibc", only: ["Shared/Launch/", "Shared/Threads/"]),
        Rule(
            module: "AsyncHTTPClient",
            only: ["Shared/Outbound/", "Services/Operator/", "Services/Sandbox/", "Tests/"]
        ),
        Rule(module: "JWTKit", only: ["Services/Gateway/", "Services/Access/", "Tests/"]),
        Rule(module: "Hummingbird", only: ["Services/Gateway/", "Services/Sandbox/", "Shared/Telemetry/", "Tests/"]),
        Rule(module: "Configuration", only: ["Shared/Settings/"]),
        Rule(module: "Mustache", only: ["Services/Communication/"]),
        Rule(
            module: "X509",
            only: ["Services/Communication/Service/Providers/", "Services/Sandbox/Service/Providers/", "Tests/"]
        ),
    ]

    @Test(arguments: rules) func staysInItsRoom(_ rule: Rule) {
        for file in SourceTree.swift() where Self.imports(of: file).contains(rule.module) {
            #expect(rule.only.contains { file.path.hasPrefix($0) }, "\(file.path) imports \(rule.module)")
        }
    }

    @Test func rulesAreNotVacuous() {
        let all = Set(SourceTree.swift().flatMap(Self.imports))
        for rule in Self.rules { #expect(all.contains(rule.module), "nothing imports \(rule.module)") }
    }

    @Test func domainIsPure() {
        let allowed: Set<String> = [
            "Core", "Contracts", "Authorization", "Resilience", "Vault", "Crypto", "CryptoExtras", "JWTKit",
            "FoundationEssentials", "FoundationInternationalization", "Synchronization", "Mustache",
        ]
        for file in SourceTree.swift(below: ["Services"]) where file.path.contains("/Service/Domain/") {
            for module in Self.imports(of: file) where !allowed.contains(module) && !module.hasSuffix("API") {
                Issue.record("\(file.path) imports \(module); Domain is values and pure functions")
            }
            for (number, line) in file.lines.enumerated() where BannedTextTests.code(line).contains(" async ") {
                Issue.record("\(file.path):\(number + 1) is asynchronous; Domain is pure")
            }
        }
    }

    @Test func gatewayHasNoDatabase() {
        for file in SourceTree.swift(below: ["Services/Gateway"]) {
            let forbidden = Self.imports(of: file).intersection(["Postgres", "Outbox", "Jobs", "ServiceHost"])
            #expect(forbidden.isEmpty, "\(file.path) imports \(forbidden)")
        }
    }

    @Test func noServiceImportsAnother() {
        let services: Set<String> = ["Access", "Communication", "Appointments", "Billing"]
        for file in SourceTree.swift(below: ["Services"]) {
            let parts = file.path.split(separator: "/").map(String.init)
            guard services.contains(parts[1]), parts[2] == "Service" || parts[2] == "API" else { continue }
            let others = Self.imports(of: file).intersection(services.subtracting([parts[1]]))
            #expect(others.isEmpty, "\(file.path) imports \(others)")
        }
    }

    static func imports(of file: SourceFile) -> Set<String> {
        Set(
            file.lines.compactMap { line in
                let words = line.split(separator: " ")
                guard let position = words.firstIndex(of: "import"), position <= 2, words.count > position + 1,
                    words.prefix(position).allSatisfy({ $0 == "package" || $0.hasPrefix("@") })
                else { return nil }
                return words[position + 1].split(separator: ".").first.map(String.init)
            }
        )
    }
}

import Core

/// What `/health/ready` says: every dependency and whether it is there.
package struct HealthReport: Sendable, Equatable {
    package let statuses: [(name: String, status: HealthCheck.Status)]

    package static func == (left: Self, right: Self) -> Bool {
        left.statuses.elementsEqual(right.statuses) { $0.name == $1.name && $0.status == $1.status }
    }

    /// Asks all checks at once; one that takes longer than `patience` is down.
    package static func make(_ checks: [HealthCheck], patience: Duration) async -> HealthReport {
        let found = await withTaskGroup(of: (Int, HealthCheck.Status).self) { group in
            for (index, check) in checks.enumerated() {
                group.addTask { (index, await ask(check, patience: patience)) }
            }
            return await group.reduce(into: [Int: HealthCheck.Status]()) { $0[$1.0] = $1.1 }
        }
        return HealthReport(statuses: checks.indices.map { (checks[$0].name, found[$0] ?? .down("unknown")) })
    }

    package var isReady: Bool {
        statuses.allSatisfy { if case .down = $0.status { false } else { true } }
    }

    package var json: String {
        let checks = statuses.map { name, status in
            switch status {
            case .up: "{\"name\":\"\(name)\",\"status\":\"up\"}"
            case .impaired(let reason):
                "{\"name\":\"\(name)\",\"status\":\"impaired\",\"reason\":\"\(reason)\"}"
            case .down(let reason): "{\"name\":\"\(name)\",\"status\":\"down\",\"reason\":\"\(reason)\"}"
            }
        }
        return "{\"status\":\"\(isReady ? "ready" : "unready")\",\"checks\":[\(checks.joined(separator: ","))]}"
    }

    private static func ask(_ check: HealthCheck, patience: Duration) async -> HealthCheck.Status {
        let status = try? await withTimeLimit(patience) { await check.status() }
        return status ?? .down("timeout")
    }
}

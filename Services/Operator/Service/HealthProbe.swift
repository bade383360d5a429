import AsyncHTTPClient
import Contracts
import Core
import Foundation
import NIOCore
import NIOHTTP1

/// What the processes say of themselves.
enum HealthProbe {
    static let patience: TimeAmount = .seconds(3)
    static let largestReply = 1 << 20

    struct Finding: Sendable {
        let name: String
        let isReady: Bool
        /// The checks that fail, or why there is no answer.
        let reason: String

        var json: JSONValue { ["process": .string(name), "ready": .bool(isReady), "reason": .string(reason)] }
    }

    /// Asks one process's `/health/ready`.
    static func ask(_ name: String, _ url: String) async -> Finding {
        do {
            let request = HTTPClientRequest(url: "\(url)/health/ready")
            let response = try await HTTPClient.shared.execute(request, timeout: patience)
            let bytes = try await response.body.collect(upTo: largestReply)
            let report = (try? JSONDecoder().decode(JSONValue.self, from: Data(bytes.readableBytesView))) ?? .null
            let down = (report["checks"]?.elements ?? []).filter { $0["status"]?.string != "up" }
            return Finding(
                name: name,
                isReady: response.status == .ok,
                reason: down.map { "\($0["name"]?.string ?? "?"): \($0["reason"]?.string ?? "down")" }.joined(
                    separator: ", "
                )
            )
        } catch { return Finding(name: name, isReady: false, reason: "does not answer") }
    }

    static func ask(all targets: [(name: String, url: String)]) async -> [Finding] {
        await withTaskGroup(of: Finding.self) { group in
            for target in targets { group.addTask { await ask(target.name, target.url) } }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.name < $1.name }
        }
    }

    /// Waits until all are ready; throws and names those that are not.
    static func waitUntilReady(_ targets: [(name: String, url: String)], within limit: Duration) async throws {
        try await eventually(within: limit, every: .milliseconds(100)) {
            let unready = await ask(all: targets).filter { !$0.isReady }
            try Task.checkCancellation()
            guard unready.isEmpty else {
                throw OperatorError("not ready: \(unready.map { "\($0.name) (\($0.reason))" }.joined(separator: "; "))")
            }
        }
    }
}

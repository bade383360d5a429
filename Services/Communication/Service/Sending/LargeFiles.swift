import Core
import ProviderConfig
import Synchronization

/// One message with large files at a time: its request holds them several times over, and memory shall not depend on how many
/// of them a clinic sends at once.
final class LargeFiles: Sendable {
    /// Files that are smaller together, in bytes, need no turn.
    static let least = 1 << 20
    /// How soon whoever has no turn asks again.
    static let pause: Duration = .milliseconds(500)

    private let turns = Mutex(LargeFileTurns(patience: pause * 4))

    /// Runs the body if it is the clinic's turn, or the files need none; `false` when others' are being sent.
    func inTurn(_ files: [AttachedFile], of clinic: ClinicID, _ body: () async throws -> Void) async throws -> Bool {
        guard files.reduce(0, { $0 + $1.size }) > Self.least else {
            try await body()
            return true
        }
        guard turns.withLock({ $0.take(clinic, at: .now()) }) else { return false }
        defer { turns.withLock { $0.giveBack() } }
        try await body()
        return true
    }
}

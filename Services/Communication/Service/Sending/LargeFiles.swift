import Core
import Jobs
import Postgres
import ProviderConfig
import Synchronization

/// One message with large files at a time: its request holds them several times over, and memory shall not depend on how many
/// of them a clinic sends at once.
final class LargeFiles: Sendable {
    /// Files that are smaller together, in bytes, need no turn.
    static let least = 1 << 20
    /// How soon whoever has no turn asks again.
    static let pause: Duration = .milliseconds(500)

    private let isTaken = Mutex(false)

    /// Runs the body if it is the files' turn; `false` when another message's are being sent.
    func inTurn(_ files: [AttachedFile], _ body: () async throws -> Void) async throws -> Bool {
        guard files.reduce(0, { $0 + $1.size }) > Self.least else {
            try await body()
            return true
        }
        let isOurs = isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
        guard isOurs else { return false }
        defer { isTaken.withLock { $0 = false } }
        try await body()
        return true
    }
}

extension SendingParts {
    /// What is in a message's files.
    func files(of prepared: PreparedMessage, _ job: JobContext) async throws -> [Attachment] {
        guard let files = prepared.content.attachments, !files.isEmpty else { return [] }
        let (id, clinic) = (prepared.message.id, job.clinic)
        return try await job.database.transaction(for: job.tenant, lane: .background) { [dataKeys] tx in
            try AttachmentStore.load(files, of: id, sealer: try dataKeys.sealer(for: clinic, in: tx), in: tx)
        }
    }
}

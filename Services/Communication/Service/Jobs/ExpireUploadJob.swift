import Core
import Jobs
import Postgres

/// Deletes an upload that no message has had in time.
struct ExpireUploadJob: TransactionalJobHandler {
    struct Payload: Codable, Sendable {
        let upload: AttachmentID
    }

    static let name = "uploads.expire"

    func run(_ uploads: [Payload], in tx: borrowing Transaction) throws {
        let now = Instant.now()
        for upload in uploads {
            guard let later = try UploadStore.expire(upload.upload, at: now, in: tx) else { continue }
            try Jobs.enqueue(Self.self, payload: upload, lane: .bulk, dueAt: later, in: tx)
        }
    }
}

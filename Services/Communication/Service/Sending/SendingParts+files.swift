import Core
import Jobs
import Postgres
import ProviderConfig

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

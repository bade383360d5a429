import Bus
import CommunicationAPI
import Contracts
import Core
import Crypto
import Jobs
import Postgres
import ProviderConfig
import ServiceHost

/// Files taken in piece by piece; a file is there when its last piece is.
struct UploadHandlers: Sendable {
    let endpoints: AttachmentEndpoints
    let dataKeys: DataKeyStore

    func register(in table: inout HandlerTable) {
        table.pieces(
            endpoints.upload,
            take: { [self] input, piece, context, tx in
                _ = try take(input, piece, context, try store(context, in: tx), in: tx)
            },
            finish: { [self] input, piece, context, tx in try finish(input, piece, context, in: tx) },
            drop: { context, tx in
                try UploadStore.drop(context.requestID.retagged(), by: context.principal.id, in: tx)
            }
        )
    }

    private func store(_ context: OperationContext, in tx: borrowing Transaction) throws -> UploadStore {
        UploadStore(sealer: try dataKeys.sealer(for: context.clinic, in: tx))
    }

    /// Puts a piece in its place, once however often it is delivered; gives the upload as it stands then.
    private func take(
        _ input: AttachmentUpload,
        _ piece: BodyPiece,
        _ context: OperationContext,
        _ store: UploadStore,
        in tx: borrowing Transaction
    ) throws -> StoredUpload {
        let id: AttachmentID = context.requestID.retagged()
        if piece.number == 0 { try begin(id, input, piece, context, store, in: tx) }
        guard var upload = try store.lock(id, in: tx), upload.createdBy == context.principal.id, !upload.isWhole,
            piece.number <= upload.pieces
        else { throw Problem.conflict("upload_interrupted", "A piece of the file is missing; upload it again.") }
        guard piece.number == upload.pieces else { return upload }
        let bytes = input.body.bytes
        UploadStore.holdRoom(of: context.clinic, in: tx)
        try UploadRules.checkRoom(
            size: upload.file.size + bytes.count,
            unused: try UploadStore.unusedBytes(in: tx) + bytes.count
        )
        try store.append(bytes, to: upload, in: tx)
        upload.pieces += 1
        upload.file.size += bytes.count
        return upload
    }

    private func begin(
        _ id: AttachmentID,
        _ input: AttachmentUpload,
        _ piece: BodyPiece,
        _ context: OperationContext,
        _ store: UploadStore,
        in tx: borrowing Transaction
    ) throws {
        let file = AttachedFile(filename: input.filename, contentType: piece.contentType, size: 0)
        try UploadRules.check(file, beginning: input.body.bytes)
        let until = context.now + UploadRules.patience
        let isNew = try store.begin(
            id,
            file,
            by: context.principal.id,
            at: context.now,
            expiresAt: until,
            in: tx
        )
        guard isNew else { return }
        try Jobs.enqueue(ExpireUploadJob.self, payload: .init(upload: id), lane: .bulk, dueAt: until, in: tx)
    }

    private func finish(
        _ input: AttachmentUpload,
        _ piece: BodyPiece,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<UploadedAttachment> {
        let store = try store(context, in: tx)
        let upload = try take(input, piece, context, store, in: tx)
        // What is stored is what counts: it is read back, a piece at a time.
        var digest = SHA256()
        for place in 0..<upload.pieces {
            guard let bytes = try store.piece(place, of: upload.id, in: tx) else { throw Problem.notFound }
            digest.update(data: bytes)
        }
        let sha256 = Array(digest.finalize())
        try UploadRules.checkDigest(input.sha256, sha256)
        let expiresAt = context.now + UploadRules.lifetime
        try store.complete(upload, sha256: sha256, expiresAt: expiresAt, in: tx)
        return Reply(
            UploadedAttachment(
                id: upload.id,
                filename: upload.file.filename,
                contentType: upload.file.contentType,
                size: upload.file.size,
                sha256: sha256.hex,
                expiresAt: expiresAt
            ),
            audit: AuditDetail(resource: upload.id.description)
        )
    }
}

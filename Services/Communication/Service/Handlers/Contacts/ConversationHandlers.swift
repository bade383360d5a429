import Authorization
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Shows what has been written to the clinic; texts and addresses only to those who may read them.
struct ConversationHandlers: Sendable {
    let endpoints: ConversationEndpoints
    let dataKeys: DataKeyStore
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.read(endpoints.list) { [self] input, context, tx in try list(input, context, in: tx) }
        table.read(endpoints.messages) { [self] input, context, tx in try messages(input, context, in: tx) }
        table.stream(endpoints.file) { [self] input, context, page, tx in try file(input, context, page, in: tx) }
    }

    private func list(
        _ request: ConversationSearch,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Page<Conversation>> {
        let name = [
            "conversations", request.patientId?.description, request.contactId?.description, request.channel?.rawValue,
            request.sort?.rawValue,
        ].map { $0 ?? "" }.joined(separator: "\u{1E}")
        let after: (Instant, ConversationID)? = try position(request.cursor, name, context)
        let limit = request.limit ?? Page<Conversation>.usualLimit
        let found = try InboundStore.conversations(request, after: after, limit: limit + 1, in: tx)
        let sealer = found.isEmpty ? nil : try sealer(context, in: tx)
        let page = try Page(found, limit: limit) {
            seal($0.heardAt, $0.id.description, name, context)
        } showing: {
            try $0.map { stored in
                Conversation(
                    id: stored.id,
                    channel: stored.channel,
                    contactIds: stored.contacts,
                    patientIds: stored.patients,
                    address: try sealer.map {
                        try InboundStore.address(stored.sealed, contactIndex: stored.contactIndex, with: $0)
                    },
                    openedAt: stored.openedAt,
                    heardAt: stored.heardAt
                )
            }
        }
        return Reply(page, audit: AuditDetail(patient: Self.own(context) ?? request.patientId))
    }

    private func messages(
        _ request: InboundMessageSearch,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Page<InboundMessage>> {
        guard try InboundStore.conversation(request.id, in: tx) != nil else { throw Problem.notFound }
        let order = request.sort ?? .newestFirst
        let name = "conversation messages\u{1E}\(request.id)\u{1E}\(order.rawValue)"
        let after: (Instant, InboundMessageID)? = try position(request.cursor, name, context)
        let limit = request.limit ?? Page<InboundMessage>.usualLimit
        let found = try InboundStore.messages(of: request.id, order: order, after: after, limit: limit + 1, in: tx)
        let shown = Array(found.prefix(limit))
        let next = found.count > limit ? shown.last : nil
        // Files and whether a person wrote are sealed as well: everybody is told those, nobody else the words.
        let sealer = shown.isEmpty ? nil : try dataKeys.sealer(for: context.clinic, in: tx)
        let showsContent = context.principal.holds(CommunicationPermissions.readContent)
        let files = try InboundFileStore.all(of: shown.map(\.id), in: tx)
        return Reply(
            Page(
                items: try shown.compactMap { stored in
                    try sealer.map { try view(stored, files[stored.id] ?? [:], with: $0, showsContent: showsContent) }
                },
                nextCursor: next.map { seal($0.receivedAt, $0.id.description, name, context) }
            ),
            audit: AuditDetail(resource: request.id.description, patient: Self.own(context))
        )
    }

    private func view(
        _ stored: StoredInbound,
        _ files: [Int: StoredFile],
        with sealer: ClinicSealer,
        showsContent: Bool
    ) throws -> InboundMessage {
        let content = try InboundContent.open(stored.sealed, of: stored.id, with: sealer)
        return InboundMessage(
            id: stored.id,
            conversationId: stored.conversation,
            provider: stored.provider,
            receivedAt: stored.receivedAt,
            command: stored.command,
            answerId: stored.answer,
            isAutomatic: content.isAutomatic ?? false,
            subject: showsContent ? content.subject : nil,
            text: showsContent ? content.text : nil,
            files: content.media.enumerated().map { place, file in
                ConversationFile(
                    place: place,
                    filename: showsContent ? file.filename : nil,
                    contentType: files[place]?.contentType ?? file.type,
                    size: files[place]?.size ?? file.size,
                    status: files[place]?.status ?? .omitted,
                    reason: files[place]?.reason
                )
            },
            filesLeftOut: content.leftOut
        )
    }

    /// A piece of a file; as bytes that no browser shows, whatever its sender says that it is.
    private func file(
        _ path: ConversationFilePath,
        _ context: OperationContext,
        _ page: String?,
        in tx: borrowing Transaction
    ) throws -> StreamPage {
        guard try InboundStore.conversation(path.id, in: tx) != nil else { throw Problem.notFound }
        let permission = CommunicationPermissions.readContent
        guard context.principal.holds(permission) else { throw Problem.forbidden(permission.name) }
        let number = page.flatMap { Int($0) } ?? 0
        guard (0...InboundFileStore.mostPieces).contains(number) else {
            throw Problem.malformed("The page is not one that was given.")
        }
        let found = try InboundFileStore.page(
            number,
            of: path.messageId,
            path.place,
            in: path.id,
            with: try dataKeys.sealer(for: context.clinic, in: tx),
            in: tx
        )
        guard let found else { throw Problem.notFound }
        guard found.status == .kept else {
            throw Problem.conflict("file_not_kept", "The file is \(found.status.rawValue).")
        }
        guard let bytes = found.bytes else { throw Problem.malformed("The page is not one that was given.") }
        return StreamPage(
            bytes,
            contentType: "application/octet-stream",
            next: found.isLast ? nil : String(number + 1),
            headers: [("Content-Disposition", "attachment")]
        )
    }

    /// The patient to whose own conversations the caller is kept.
    private static func own(_ context: OperationContext) -> PatientID? {
        if case .own(let patient) = context.scope { patient } else { nil }
    }

    private func sealer(_ context: OperationContext, in tx: borrowing Transaction) throws -> ClinicSealer? {
        guard context.principal.holds(CommunicationPermissions.readContent) else { return nil }
        return try dataKeys.sealer(for: context.clinic, in: tx)
    }

    private func position<Kind>(
        _ cursor: String?,
        _ name: String,
        _ context: OperationContext
    ) throws -> (Instant, TypedID<Kind>)? {
        let parts = try cursors.open(cursor, list: name, clinic: context.clinic)
        guard let parts, parts.count == 2, let at = Int64(parts[0]), let id = TypedID<Kind>(parts[1]) else {
            return nil
        }
        return (Instant(microseconds: at), id)
    }

    private func seal(_ at: Instant, _ id: String, _ name: String, _ context: OperationContext) -> String {
        cursors.seal(["\(at.microseconds)", id], list: name, clinic: context.clinic)
    }
}

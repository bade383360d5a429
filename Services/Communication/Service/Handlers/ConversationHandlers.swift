import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// The clinic's inbox: who has written, and what.
struct ConversationHandlers: Sendable {
    let endpoints: ConversationEndpoints
    let dataKeys: DataKeyStore
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.read(endpoints.list, list)
        table.read(endpoints.messages, messages)
    }

    @Sendable private func list(
        _ request: ConversationSearch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<Conversation>> {
        let name = "conversations \(request.patientId.map(\.description) ?? "")"
        let limit = request.limit ?? Page<Conversation>.usualLimit
        let found = try InboxStore.conversations(
            of: request.patientId,
            own: Self.own(context),
            before: try place(request.cursor, name, context),
            limit: limit + 1,
            in: tx
        )
        let shown = found.prefix(limit)
        let sealer = try shown.isEmpty ? nil : dataKeys.sealer(for: context.clinic, in: tx)
        let items = try shown.map { stored in
            Conversation(
                id: stored.id,
                channel: stored.channel,
                address: try sealer.map {
                    try InboundStore.address(stored.sealed, contactIndex: stored.contactIndex, with: $0)
                } ?? "",
                patientIds: stored.patients,
                openedAt: stored.openedAt,
                heardAt: stored.heardAt
            )
        }
        let next = found.count > limit ? items.last : nil
        let cursor = next.map {
            cursors.seal(["\($0.heardAt.microseconds)", "\($0.id)"], list: name, clinic: context.clinic)
        }
        return Reply(
            Page(items: items, nextCursor: cursor),
            audit: AuditDetail(patient: Self.own(context) ?? request.patientId)
        )
    }

    @Sendable private func messages(
        _ request: InboundMessageSearch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<InboundMessage>> {
        guard try InboxStore.isThere(request.id, own: Self.own(context), in: tx) else { throw Problem.notFound }
        let name = "conversation \(request.id)"
        let limit = request.limit ?? Page<InboundMessage>.usualLimit
        let found = try InboxStore.messages(
            in: request.id,
            before: try place(request.cursor, name, context),
            limit: limit + 1,
            in: tx
        )
        let sealer = try found.isEmpty ? nil : dataKeys.sealer(for: context.clinic, in: tx)
        let items = try found.prefix(limit).map { stored in
            let content = try sealer.map { try InboundContent.open(stored.sealed, of: stored.id, with: $0) }
            return InboundMessage(
                id: stored.id,
                text: content?.text ?? "",
                files: content?.media.count ?? 0,
                command: stored.command,
                answerId: stored.answer,
                receivedAt: stored.receivedAt
            )
        }
        let next = found.count > limit ? items.last : nil
        let cursor = next.map {
            cursors.seal(["\($0.receivedAt.microseconds)", "\($0.id)"], list: name, clinic: context.clinic)
        }
        return Reply(
            Page(items: items, nextCursor: cursor),
            audit: AuditDetail(resource: "\(request.id)", patient: Self.own(context))
        )
    }

    /// The patient to whose own conversations the caller is kept.
    private static func own(_ context: OperationContext) -> PatientID? {
        if case .own(let patient) = context.scope { patient } else { nil }
    }

    private func place(
        _ cursor: String?,
        _ list: String,
        _ context: OperationContext
    ) throws(Problem) -> (at: Instant, id: String)? {
        guard let position = try cursors.open(cursor, list: list, clinic: context.clinic), position.count == 2,
            let at = Int64(position[0])
        else { return nil }
        return (Instant(microseconds: at), position[1])
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Suppressed addresses: added, taken in from a sheet, listed, released.
struct SuppressionHandlers: Sendable {
    /// Rows of one page of a streamed list.
    static let pageRows = 200

    let endpoints: SuppressionEndpoints
    let store: SuppressionStore
    let index: AddressIndex
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create, create)
        table.change(endpoints.importing, takeIn)
        table.stream(endpoints.list) { try page($0, $1, $2, $3) }
        table.read(endpoints.read, read)
        table.change(endpoints.update, update)
        table.change(endpoints.delete, delete)
    }

    @Sendable private func create(
        _ draft: SuppressionDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Suppression> {
        guard let address = ChannelAddress(draft.channel, draft.address) else {
            throw Problem.invalid("/address", ChannelAddress.complaint(draft.channel))
        }
        try check(draft.expiresAt, context)
        let (stored, isNew) = try store.add(
            channel: address.channel,
            addressIndex: index.token(address, context.clinic),
            address: address.text,
            reason: draft.reason ?? .manual,
            category: draft.category,
            source: "staff",
            expires: draft.expiresAt,
            at: context.now,
            in: tx
        )
        return Reply(
            try view(context, [stored], tx)[0],
            status: isNew ? nil : 200,
            version: stored.version,
            location: "\(RouteTable.base)/communication/suppressions/\(stored.id)",
            audit: AuditDetail(resource: "\(stored.id)")
        )
    }

    @Sendable private func takeIn(
        _ input: SuppressionImport,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<SuppressionImportResult> {
        var result = SuppressionImportResult()
        var entries: [NewSuppression] = []
        for line in try SuppressionSheet.read(input.body.bytes, at: context.now) {
            switch line.entry {
            case .failure(let fault): result.refused.append(.init(line: line.number, detail: fault.detail))
            case .success(let entry):
                entries.append(
                    NewSuppression(
                        channel: entry.address.channel,
                        addressIndex: index.token(entry.address, context.clinic),
                        address: entry.address.text,
                        reason: entry.reason,
                        category: entry.category,
                        expiresAt: entry.expiresAt
                    )
                )
            }
        }
        result.added = try store.add(all: entries, source: "csv", at: context.now, in: tx)
        result.present = entries.count - result.added
        return Reply(result)
    }

    @Sendable private func read(
        _ path: SuppressionPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Suppression> {
        let holder = try Self.holder(context)
        guard let stored = try SuppressionStore.find(path.id, of: holder, in: tx) else { throw Problem.notFound }
        return Reply(try view(context, [stored], tx)[0], version: stored.version)
    }

    @Sendable private func update(
        _ patch: SuppressionPatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Suppression> {
        guard context.scope == .clinic else {
            throw Problem(403, "forbidden", "How long an address stays suppressed is for the clinic's staff to say.")
        }
        guard let present = try SuppressionStore.find(patch.id, forUpdate: true, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: present.version)
        let expiresAt = patch.expiresAt.applied(to: present.expiresAt)
        if patch.expiresAt != .absent { try check(expiresAt, context) }
        guard
            let stored = try SuppressionStore.update(patch.id, expires: expiresAt, at: context.now, in: tx)
        else { throw Problem.notFound }
        return Reply(try view(context, [stored], tx)[0], version: stored.version)
    }

    @Sendable private func delete(
        _ path: SuppressionPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        guard let present = try SuppressionStore.find(path.id, forUpdate: true, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: present.version)
        SuppressionStore.remove(path.id, in: tx)
        return Reply(EmptyOutput())
    }

    /// Whose addresses the caller sees the suppressions of: a patient their own, staff everybody's (`nil`).
    private static func holder(_ context: OperationContext) throws(Problem) -> ContactID? {
        switch context.scope {
        case .clinic: nil
        case .own(let patient): patient.retagged()
        case .locations, .treated, .account: throw .forbidden(CommunicationPermissions.readSuppressions.name)
        }
    }

    private func check(_ expiresAt: Instant?, _ context: OperationContext) throws(Problem) {
        if let expiresAt, expiresAt <= context.now { throw .invalid("/expiresAt", "must be a time to come") }
    }

    /// As clients see them, addresses in the clear.
    private func view(
        _ context: OperationContext,
        _ stored: [StoredSuppression],
        _ tx: borrowing Transaction
    ) throws -> [Suppression] {
        if stored.isEmpty { return [] }
        let sealer = try store.dataKeys.sealer(for: context.clinic, in: tx)
        return try stored.map { suppression in
            Suppression(
                id: suppression.id,
                channel: suppression.channel,
                address: try SuppressionStore.address(of: suppression, with: sealer),
                category: suppression.category,
                reason: suppression.reason,
                source: suppression.source,
                expiresAt: suppression.expiresAt,
                createdAt: suppression.createdAt,
                createdBy: suppression.createdBy,
                updatedAt: suppression.updatedAt
            )
        }
    }
}

extension SuppressionHandlers {
    /// One page: of JSON with a cursor, or of everything as NDJSON or CSV.
    private func page(
        _ request: SuppressionListRequest,
        _ context: OperationContext,
        _ page: String?,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let filter = try filter(request, context)
        switch context.accept {
        case "text/csv":
            return try stream(filter, context, page, "text/csv; charset=utf-8", CSV.line(SuppressionSheet.columns), tx)
            {
                SuppressionSheet.line($0)
            }
        case "application/x-ndjson":
            return try stream(filter, context, page, "application/x-ndjson", [], tx) {
                try JSONWriter.encode($0) + [UInt8(ascii: "\n")]
            }
        default: return try list(request, filter, context, tx)
        }
    }

    private func list(
        _ request: SuppressionListRequest,
        _ filter: SuppressionFilter,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> StreamPage {
        let limit = request.limit ?? Page<Suppression>.usualLimit
        let after = try cursors.open(request.cursor, list: filter.name, clinic: context.clinic)?.first
            .flatMap { SuppressionID($0) }
        let found = try SuppressionStore.list(filter, after: after, limit: limit + 1, in: tx)
        let page = try Page(found, limit: limit) {
            cursors.seal(["\($0.id)"], list: filter.name, clinic: context.clinic)
        } showing: {
            try view(context, $0, tx)
        }
        return StreamPage(try JSONWriter.encode(page), contentType: "application/json", next: nil)
    }

    private func stream(
        _ filter: SuppressionFilter,
        _ context: OperationContext,
        _ page: String?,
        _ contentType: String,
        _ head: [UInt8],
        _ tx: borrowing Transaction,
        _ line: (Suppression) throws -> [UInt8]
    ) throws -> StreamPage {
        var last = page.flatMap { SuppressionID($0) }
        guard page == nil || last != nil else { throw Problem.malformed("The page is not one that was given.") }
        let found = try SuppressionStore.list(filter, after: last, limit: Self.pageRows, in: tx)
        var chunk = page == nil ? head : []
        var taken = 0
        for suppression in try view(context, found, tx) {
            let line = try line(suppression)
            if !chunk.isEmpty, chunk.count + line.count > StreamPage.largestChunk { break }
            chunk += line
            taken += 1
            last = suppression.id
        }
        let isOver = taken == found.count && found.count < Self.pageRows
        return StreamPage(chunk, contentType: contentType, next: isOver ? nil : last?.description)
    }

    /// An address that is none finds nothing.
    private func filter(_ request: SuppressionListRequest, _ context: OperationContext) throws -> SuppressionFilter {
        var filter = SuppressionFilter(
            holder: try Self.holder(context),
            channel: request.channel,
            reason: request.reason,
            category: request.category,
            isOldestFirst: request.sort == .oldestFirst
        )
        if let text = request.address {
            let channels = request.channel.map { [$0] } ?? MessageChannel.allCases
            // The kinds of addresses exclude each other, so that the first that fits is the one meant.
            let address = channels.lazy.compactMap { ChannelAddress($0, text) }.first
            filter.addressIndex = address.map { index.token($0, context.clinic) } ?? []
        }
        return filter
    }
}

import Authorization
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Messages: taken in, shown, cancelled.
struct MessageHandlers: Sendable {
    let endpoints: MessageEndpoints
    let intake: MessageIntake
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.send) { [self] input, context in
            try await counting { tally in
                try await context.commit { tx in
                    tally.begin()
                    return try send(input, context, tally, in: tx)
                }
            }
        }
        table.steps(endpoints.sendBatch) { [self] input, context in
            try await counting { tally in
                try await context.commit { tx in
                    tally.begin()
                    return try sendBatch(input, context, tally, in: tx)
                }
            }
        }
        table.read(endpoints.read) { [self] input, context, tx in
            try shown(input.id, context, in: tx)
        }
        table.read(endpoints.list) { [self] input, context, tx in try list(input, context, in: tx) }
        table.steps(endpoints.retry) { [self] input, context in
            try await context.commit { tx in try retry(input, context, in: tx) }
        }
        table.change(endpoints.cancel) { [self] input, context, tx in try cancel(input, context, in: tx) }
    }

    /// Counts what `body` has accepted, once it is committed.
    private func counting<Output>(_ body: (AcceptedTally) async throws -> Reply<Output>) async throws -> Reply<Output> {
        let tally = AcceptedTally()
        let reply = try await body(tally)
        tally.tell()
        return reply
    }

    private func send(
        _ draft: MessageDraft,
        _ context: OperationContext,
        _ tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> Reply<AcceptedMessage> {
        let terms = try intake.terms(of: context.clinic, in: tx)
        let accepted = try accept(draft, context, terms, tally, in: tx)
        return Reply(
            accepted,
            location: "\(RouteTable.base)/communication/messages/\(accepted.id)",
            audit: AuditDetail(resource: accepted.id.description, patient: draft.to.patientId)
        )
    }

    private func accept(
        _ draft: MessageDraft,
        _ context: OperationContext,
        _ terms: MessageIntake.Terms,
        _ tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> AcceptedMessage {
        try checkPriority(draft, context)
        let faults = Self.formFaults(draft)
        return try intake.accept(draft, beside: faults, from: sender(context), on: terms, tally: tally, in: tx)
    }

    /// What would be passed over in silence, or is not a client's to say.
    private static func formFaults(_ draft: MessageDraft) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        if let channels = draft.channels, Set(channels).count != channels.count {
            faults.append(.init(pointer: "/channels", "has a channel twice"))
        }
        if let locale = draft.locale, !LocaleChain.isTag(locale) {
            faults.append(.init(pointer: "/locale", "is not a language tag"))
        }
        if SecurityTemplates.contains(draft.template) {
            faults.append(.init(pointer: "/template", "is for what the installation itself has to say"))
        }
        return faults
    }

    /// Each message is checked as one sent alone would be, by the same schema, and stands or falls by itself.
    private func sendBatch(
        _ batch: MessageBatch,
        _ context: OperationContext,
        _ tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> Reply<MessageBatchResult> {
        let terms = try intake.terms(of: context.clinic, in: tx)
        let schema = try endpoints.send.inputSchema
        var items: [MessageBatchItem] = []
        for (index, value) in batch.messages.enumerated() {
            do {
                let tape = try JSONTape(value.bytes)
                let faults = schema.violations(in: tape)
                guard faults.isEmpty else { throw Problem.invalid(faults) }
                let draft = try tape.decode(MessageDraft.self)
                let accepted = try accept(draft, context, terms, tally, in: tx)
                items.append(MessageBatchItem(index: index, id: accepted.id))
            } catch let problem as Problem {
                items.append(MessageBatchItem(index: index, problem: .init(problem)))
            }
        }
        return Reply(MessageBatchResult(items: items))
    }

    private func list(
        _ request: MessageListRequest,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Page<Message>> {
        let hasTimes = request.from != nil || request.to != nil
        let filter = MessageFilter(
            request,
            recipient: try recipient(request.recipient, context.clinic),
            zone: try hasTimes ? ProjectionStore.clinicTimeZone(in: tx) : nil
        )
        let position = try cursors.open(request.cursor, list: filter.name, clinic: context.clinic)
        var after: (Instant, MessageID)?
        if let position, position.count == 2, let at = Int64(position[0]), let id = MessageID(position[1]) {
            after = (Instant(microseconds: at), id)
        }
        let limit = request.limit ?? Page<Message>.usualLimit
        let found = try MessageStore.list(filter, after: after, limit: limit + 1, in: tx)
        let page = try Page(found, limit: limit) {
            cursors.seal(["\($0.createdAt.microseconds)", "\($0.id)"], list: filter.name, clinic: context.clinic)
        } showing: {
            // A clinic without a message may be without a data key, which a read cannot make.
            $0.isEmpty ? [] : try view(context, in: tx).show($0, in: tx)
        }
        return Reply(page, audit: AuditDetail(patient: request.patientId))
    }

    private func recipient(_ text: String?, _ clinic: ClinicID) throws(Problem) -> RecipientIndex? {
        guard let text else { return nil }
        if let address = ChannelAddress(.email, text) { return .email(intake.index.token(address, clinic)) }
        // A number, or what stands for a hidden one.
        if let address = ChannelAddress(.whatsapp, text) {
            return .phone(intake.index.token(address, clinic))
        }
        // Whatever looks like none of those may be the name of an app.
        if let address = ChannelAddress(.push, text) { return .push(intake.index.token(address, clinic)) }
        throw .invalid([
            .init(
                parameter: "recipient",
                "must be an e-mail address, a phone number, a user id of WhatsApp's or a push token"
            )
        ])
    }

    private func cancel(
        _ path: MessagePath,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Message> {
        guard let message = try MessageStore.lock(path.id, in: tx) else { throw Problem.notFound }
        // On its way there is an attempt that nobody can call back.
        guard message.status == .queued else {
            throw Problem.conflict("not_cancellable", "The message is \(message.status.rawValue).")
        }
        let attempts = try AttemptStore.present(of: message, in: tx)
        if let holder = message.holder(among: attempts) { throw Problem.conflict("not_cancellable", holder) }
        MessageStore.end([(path.id, message.course, MessageEnd(.cancelled, nil, at: context.now))], in: tx)
        return try shown(path.id, context, in: tx)
    }

    /// What did not arrive, or may not have: the caller decides that a second copy does no harm.
    private func retry(
        _ path: MessagePath,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<Message> {
        guard let message = try MessageStore.lock(path.id, in: tx) else { throw Problem.notFound }
        guard [.failed, .suppressed, .cancelled, .unknown].contains(message.status) else {
            throw Problem.conflict("not_retryable", "The message is \(message.status.rawValue).")
        }
        if let expiresAt = message.expiresAt, expiresAt <= context.now {
            throw Problem.conflict("not_retryable", "The message has expired.")
        }
        // Codes and links open accounts: whoever needs one asks for a new one.
        guard !SecurityTemplates.contains(message.template) else {
            throw Problem.conflict("not_retryable", "The message is what the installation itself had to say.")
        }
        // Whoever has ended messages gets one more at most, and nobody knows whether this one was it.
        guard message.template != BuiltInTemplates.stopConfirmation else {
            throw Problem.conflict("not_retryable", "The message confirms that messages end.")
        }
        let sealer = try intake.dataKeys.sealer(for: context.clinic, in: tx)
        guard try SealedContent.open(message.sealed, of: message.id, with: sealer).isRefused != true else {
            throw Problem.conflict("not_retryable", "The message was refused before it had words.")
        }
        if message.priority == .critical, !context.principal.holds(CommunicationPermissions.sendCritical) {
            throw Problem.forbidden(CommunicationPermissions.sendCritical.name)
        }
        try MessageStore.retry(message, at: context.now, in: tx)
        return try shown(path.id, context, in: tx)
    }

    private func shown(_ id: MessageID, _ context: OperationContext, in tx: borrowing Transaction) throws -> Reply<
        Message
    > {
        guard let message = try MessageStore.find(id, in: tx) else { throw Problem.notFound }
        return Reply(
            try view(context, in: tx).show([message], in: tx)[0],
            version: message.version,
            audit: AuditDetail(resource: message.id.description, patient: message.patientID)
        )
    }

    private func sender(_ context: OperationContext) -> MessageIntake.Sender {
        .init(clinic: context.clinic, actor: context.principal.id, now: context.now)
    }

    private func checkPriority(_ draft: MessageDraft, _ context: OperationContext) throws(Problem) {
        guard draft.priority == .critical, !context.principal.holds(CommunicationPermissions.sendCritical) else {
            return
        }
        throw .forbidden(CommunicationPermissions.sendCritical.name)
    }

    private func view(_ context: OperationContext, in tx: borrowing Transaction) throws -> MessageView {
        let showsContent = context.principal.holds(CommunicationPermissions.readContent)
        return MessageView(sealer: showsContent ? try intake.dataKeys.sealer(for: context.clinic, in: tx) : nil)
    }
}

extension MessageBatchItem.Refusal {
    init(_ problem: Problem) {
        let faults = problem.errors.prefix(Self.mostFaults).map { Fault(pointer: $0.pointer ?? "", detail: $0.detail) }
        self.init(
            type: problem.typeURI,
            title: problem.title,
            status: problem.status,
            code: problem.code,
            detail: problem.detail,
            retryable: problem.retryable,
            errors: faults.isEmpty ? nil : faults
        )
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres
import ServiceHost

/// Unsubscribing by link: asked on a page, done by POST; the same again is the same.
struct UnsubscribeHandlers: Sendable {
    let endpoints: UnsubscribeEndpoints
    let links: UnsubscribeLinks
    let store: SuppressionStore
    let index: AddressIndex

    func register(in table: inout HandlerTable) {
        table.steps(endpoints.show) { [self] input, context in
            let token = try token(input.token)
            return try await context.database.transaction(for: tenant(token)) { tx in
                let (target, addressIndex) = try target(token, in: tx)
                let blocking = try SuppressionStore.blocking(
                    [(target.address.channel, addressIndex)],
                    category: target.category,
                    at: context.now,
                    in: tx
                )
                return try reply(target, unsubscribed: !blocking.isEmpty, context, in: tx)
            }
        }
        table.steps(endpoints.unsubscribe) { [self] input, context in
            let token = try token(input.token)
            guard OneClick.isMeant(input.body.bytes) else {
                throw Problem.invalid("", "must be \(UnsubscribeRequest.oneClick)")
            }
            return try await context.database.transaction(for: tenant(token)) { tx in
                let (target, addressIndex) = try target(token, in: tx)
                let added = try store.add(
                    channel: target.address.channel,
                    addressIndex: addressIndex,
                    address: target.address.text,
                    reason: .unsubscribe,
                    category: target.category,
                    source: "link",
                    at: context.now,
                    in: tx
                )
                var record = context.auditRecord(.succeeded, AuditDetail(resource: "\(added.suppression.id)"))
                record.clinicId = token.clinic
                try Outbox.appendAudit(record, in: tx)
                return try reply(target, unsubscribed: true, context, in: tx)
            }
        }
    }

    private func token(_ text: String) throws(Problem) -> UnsubscribeLinks.Token {
        guard let token = links.read(text) else { throw .notFound }
        return token
    }

    private func tenant(_ token: UnsubscribeLinks.Token) -> Tenant { Tenant(token.clinic, actor: "link") }

    private func target(
        _ token: UnsubscribeLinks.Token,
        in tx: borrowing Transaction
    ) throws -> (UnsubscribeLinks.Target, addressIndex: [UInt8]) {
        guard let target = try links.open(token, in: tx) else { throw Problem.notFound }
        return (target, index.token(target.address, token.clinic))
    }

    private func reply(
        _ target: UnsubscribeLinks.Target,
        unsubscribed: Bool,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> Reply<UnsubscribeState> {
        let state = UnsubscribeState(
            channel: target.address.channel,
            category: target.category,
            unsubscribed: unsubscribed
        )
        var reply = Reply(state)
        if context.accept == "text/html" {
            let locales = LocaleChain.locales(
                wanted: context.acceptLanguage.map(AcceptedLanguages.tags) ?? [],
                clinic: try TemplateStore.clinicLocale(in: tx)
            )
            let page = UnsubscribePage.html(
                state,
                clinic: try ProjectionStore.clinicName(in: tx),
                in: UnsubscribeWords.inFirst(of: locales)
            )
            reply.written = .init(Array(page.utf8), contentType: "text/html; charset=utf-8")
        }
        return reply
    }
}

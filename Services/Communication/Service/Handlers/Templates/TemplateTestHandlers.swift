import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Templates filled in to be looked at: shown, or sent to one address.
struct TemplateTestHandlers: Sendable {
    let endpoints: TemplateEndpoints
    let intake: MessageIntake

    func register(in table: inout HandlerTable) {
        table.read(endpoints.preview) { try preview($0, $1, $2) }
        table.steps(endpoints.test) { [self] input, context in
            let tally = AcceptedTally()
            let reply = try await context.commit { tx in
                tally.begin()
                return try test(input, context, tally, in: tx)
            }
            tally.tell()
            return reply
        }
    }

    private func preview(
        _ request: TemplatePreviewRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<TemplatePreview> {
        let template = try template(of: request, in: tx)
        let locales = LocaleChain.locales(
            wanted: [request.locale],
            clinic: try TemplateStore.clinicLocale(in: tx)
        )
        let filled = try template.fill(
            request.data ?? TemplateValues.examples(of: template.variables),
            locales: locales,
            channels: request.channels ?? template.channels,
            unsubscribingBy: template.category == .marketing ? TemplateVariable.exampleOfUnsubscribeLink : nil
        )
        guard !filled.isEmpty else { throw Problem.invalid("/channels", "have no text in the template") }
        let rules = CountryRules(settings: try intake.store.load(context.clinic, in: tx)?.settings ?? [:])
        let items = MessageChannel.allCases.compactMap { channel in
            filled[channel].map { TemplatePreviewItem(channel, $0, rules) }
        }
        return Reply(TemplatePreview(items: items))
    }

    private func template(
        of request: TemplatePreviewRequest,
        in tx: borrowing Transaction
    ) throws -> CompiledTemplate {
        switch (request.templateId, request.contents) {
        case (let id?, nil):
            if request.variables != nil { throw Problem.invalid("/variables", "belong to contents") }
            if request.category != nil { throw Problem.invalid("/category", "belongs to contents") }
            guard let template = try ClinicTemplates.known(id, in: tx) else {
                throw Problem.invalid("/templateId", "is not a template of the clinic")
            }
            return try compiled(template, version: request.version, in: tx)
        case (nil, let contents?):
            if request.version != nil { throw Problem.invalid("/version", "belongs to a template") }
            let body = TemplateBody(variables: request.variables ?? [], contents: contents)
            let category = request.category ?? .care
            try CompiledTemplate.check(body, of: category)
            return try CompiledTemplate(name: "preview", category: category, body)
        default: throw Problem.invalid("", "must have exactly one of templateId and contents")
        }
    }

    private func test(
        _ input: TemplateTest,
        _ context: OperationContext,
        _ tally: AcceptedTally,
        in tx: borrowing Transaction
    ) throws -> Reply<AcceptedMessage> {
        let stored = try ClinicTemplates.find(input.id, in: tx)
        let template = try compiled(stored, version: input.version, in: tx)
        let channel = input.channel ?? Self.channel(of: input.to)
        guard template.channels.contains(channel) else {
            throw Problem.invalid("/channel", "has no text in the template")
        }
        let open = OpenTemplate(
            template: template,
            version: nil,
            clinicLocale: try TemplateStore.clinicLocale(in: tx)
        )
        let draft = MessageDraft(
            to: input.to,
            channels: [channel],
            locale: input.locale,
            reference: "template test:\(stored.id)"
        )
        let accepted = try intake.accept(
            draft,
            saying: .template(open, input.data ?? TemplateValues.examples(of: template.variables)),
            from: .init(clinic: context.clinic, actor: context.principal.id, now: context.now),
            on: try intake.terms(of: context.clinic, in: tx),
            tally: tally,
            in: tx
        )
        return Reply(
            accepted,
            location: "\(RouteTable.base)/communication/messages/\(accepted.id)",
            audit: AuditDetail(resource: stored.id.description)
        )
    }

    private static func channel(of recipient: RecipientDraft) -> MessageChannel {
        if recipient.phone != nil { return .sms }
        return recipient.pushToken != nil ? .push : .email
    }

    private func compiled(
        _ template: StoredTemplate,
        version: Int?,
        in tx: borrowing Transaction
    ) throws -> CompiledTemplate {
        guard let body = try ClinicTemplates.body(of: template, version: version, in: tx) else {
            throw Problem.invalid("/version", "is not a version of the template")
        }
        return try CompiledTemplate(name: template.name, category: template.category, body)
    }
}

extension TemplatePreviewItem {
    fileprivate init(_ channel: MessageChannel, _ filled: CompiledTemplate.Filled, _ rules: CountryRules) {
        let content = filled.content
        self.init(
            channel: channel,
            locale: filled.locale,
            subject: content.subject,
            text: content.text,
            html: content.html,
            sms: channel == .sms ? SMSSegments(content.text).measure : nil,
            dlt: channel == .sms ? rules.preview(of: content) : nil,
            approved: content.approved.map { ApprovedPreview($0) },
            approvedByTwilio: content.approvedByTwilio.map { ApprovedPreview($0) },
            interactive: content.interactive
        )
    }
}

extension ApprovedPreview {
    fileprivate init(_ template: ApprovedTemplate) {
        self.init(
            name: template.name,
            language: template.language,
            parameters: template.parameters,
            buttons: template.buttons?.map { .init(index: $0.index, type: $0.kind, value: $0.value) }
        )
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Templates: listed, written, put in force, reset, removed.
struct TemplateHandlers: Sendable {
    let endpoints: TemplateEndpoints
    let store: ProviderConfigStore
    let cursors: CursorSeal

    func register(in table: inout HandlerTable) {
        table.change(endpoints.create) { try create($0, $1, $2) }
        table.read(endpoints.list) { try list($0, $1, $2) }
        table.read(endpoints.read) { try read($0, $1, $2) }
        table.change(endpoints.update) { try update($0, $1, $2) }
        table.change(endpoints.delete) { try delete($0, $1, $2) }
        table.read(endpoints.versions) { try versions($0, $1, $2) }
        table.change(endpoints.publish) { try publish($0, $1, $2) }
        table.change(endpoints.reset) { try reset($0, $1, $2) }
    }

    private func create(
        _ draft: TemplateDraft,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        try Self.checkName(draft.name)
        let body = TemplateBody(variables: draft.variables ?? [], contents: draft.contents)
        try CompiledTemplate.check(body, of: draft.category)
        guard try TemplateStore.lockedCount(of: context.clinic, in: tx) < Template.mostOwn else {
            throw Problem.conflict("too_many_templates", "The clinic has \(Template.mostOwn) templates already.")
        }
        let template = StoredTemplate(
            id: TemplateID(at: context.now),
            version: 1,
            name: draft.name,
            category: draft.category,
            draft: body,
            createdAt: context.now,
            updatedAt: context.now
        )
        try Self.takingName { try TemplateStore.insert(template, in: tx) }
        return Reply(
            Template(template, body, isDraft: true),
            version: template.version,
            location: "\(RouteTable.base)/communication/templates/\(template.id)",
            audit: AuditDetail(resource: template.id.description)
        )
    }

    private func list(
        _ request: TemplateListRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<TemplateSummary>> {
        let builtIn = request.builtIn.map { "\($0)" } ?? ""
        let isDescending = request.sort == .descending
        var list = "templates?q=\(request.q ?? "")&category=\(request.category?.rawValue ?? "")&builtIn=\(builtIn)"
        if isDescending { list += "&sort=-name" }
        let after = try cursors.open(request.cursor, list: list, clinic: context.clinic)?.first
        let all = try ClinicTemplates.all(in: tx)
        let found = (isDescending ? all.reversed() : all).filter { template in
            (request.q.map { template.name.contains($0.lowercased()) } ?? true)
                && (request.category.map { $0 == template.category } ?? true)
                && (request.builtIn.map { $0 == template.builtIn } ?? true)
                && (after.map { isDescending ? $0 > template.name : $0 < template.name } ?? true)
        }
        let limit = request.limit ?? Page<TemplateSummary>.usualLimit
        return Reply(
            Page(Array(found), limit: limit) { cursors.seal([$0.name], list: list, clinic: context.clinic) }
        )
    }

    private func read(
        _ path: TemplateVersionPath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        let template = try ClinicTemplates.find(path.id, in: tx)
        guard let body = try ClinicTemplates.body(of: template, version: path.version, in: tx) else {
            throw Problem.notFound
        }
        let isDraft = path.version == nil && template.draft != nil
        return Reply(Template(template, body, isDraft: isDraft), version: template.version)
    }

    private func update(
        _ patch: TemplatePatch,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        let seen = try ClinicTemplates.find(patch.id, in: tx)
        try context.checkMatch(version: seen.version)
        let wanted = try Self.applying(patch, to: seen, in: tx)
        // Nothing is written then: a built-in template that nobody has touched stays so.
        guard wanted.template != seen else { return Self.shown(seen, saying: wanted.body) }
        let template = try ClinicTemplates.lock(patch.id, context, in: tx)
        let changed = try Self.applying(patch, to: template, in: tx)
        // Somebody else has said the same a moment ago.
        guard changed.template != template else { return Self.shown(template, saying: changed.body) }
        return try save(changed.template, saying: changed.body, context, tx)
    }

    private func delete(
        _ path: TemplatePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<EmptyOutput> {
        let template = try ClinicTemplates.lock(path.id, context, in: tx)
        guard template.builtIn == nil else {
            throw Problem.conflict("built_in_template", "A built-in template can be reset, not removed.")
        }
        TemplateStore.remove(path.id, at: context.now, in: tx)
        return Reply(EmptyOutput(), audit: AuditDetail(resource: path.id.description))
    }

    private func versions(
        _ request: TemplateVersionsRequest,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Page<TemplateVersion>> {
        let template = try ClinicTemplates.find(request.id, in: tx)
        let order = request.sort ?? .newestFirst
        let list = "template versions \(request.id) \(order.rawValue)"
        let after = try cursors.open(request.cursor, list: list, clinic: context.clinic)?.first.flatMap { Int($0) }
        let limit = request.limit ?? Page<TemplateVersion>.usualLimit
        let found = try TemplateVersionStore.list(
            of: request.id,
            inForce: template.published,
            order: order,
            after: after,
            limit: limit + 1,
            in: tx
        )
        return Reply(
            Page(found, limit: limit) { cursors.seal(["\($0.number)"], list: list, clinic: context.clinic) }
        )
    }

    private func publish(
        _ publication: TemplatePublication,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        var template = try ClinicTemplates.lock(publication.id, context, in: tx)
        let body: TemplateBody
        if let number = publication.version {
            guard let former = try ClinicTemplates.body(of: template, version: number, in: tx) else {
                throw Problem.invalid("/version", "is not a version of the template")
            }
            // The rules may have become stricter since it was in force.
            try CompiledTemplate.check(former, of: template.category)
            body = former
            template.published = number
        } else {
            guard let draft = template.draft else {
                throw Problem.conflict("nothing_to_publish", "The template has no draft.")
            }
            // The rules may have become stricter since it was written.
            let inForce = try ClinicTemplates.inForce(of: template, in: tx)
            try CompiledTemplate.check(draft, of: template.category, beside: inForce)
            body = draft
            template.draft = nil
            template.published = try TemplateVersionStore.append(
                draft,
                of: template.id,
                by: context.principal.id,
                at: context.now,
                in: tx
            )
        }
        try checkRegistered(body, context, tx)
        return try save(template, saying: body, context, tx)
    }

    /// Throws 422 where a text that is said to be registered is not.
    private func checkRegistered(
        _ body: TemplateBody,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws {
        let rules = CountryRules(settings: try store.load(context.clinic, in: tx)?.settings ?? [:])
        let faults = try rules.faults(in: body)
        guard !faults.isEmpty else { return }
        var problem = Problem.invalid(faults)
        problem.code = CountryRules.dltRule
        throw problem
    }

    private func reset(
        _ path: TemplatePath,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        var template = try ClinicTemplates.lock(path.id, context, in: tx)
        guard let builtIn = template.builtIn else {
            throw Problem.conflict("not_built_in", "Only a built-in template can be reset.")
        }
        template.draft = nil
        template.published = nil
        return try save(template, saying: builtIn.body, context, tx)
    }

    /// Saves the template and shows it as it is read from now on.
    private func save(
        _ template: StoredTemplate,
        saying inForce: TemplateBody,
        _ context: OperationContext,
        _ tx: borrowing Transaction
    ) throws -> Reply<Template> {
        var template = template
        template.updatedAt = context.now
        let changed = template
        template.version = try Self.takingName { try TemplateStore.update(changed, in: tx) }
        return Self.shown(template, saying: inForce)
    }
}

extension TemplateHandlers {
    /// The template with its draft where it has one, else with what is in force.
    private static func shown(_ template: StoredTemplate, saying inForce: TemplateBody) -> Reply<Template> {
        Reply(
            Template(template, template.draft ?? inForce, isDraft: template.draft != nil),
            version: template.version,
            audit: AuditDetail(resource: template.id.description)
        )
    }

    /// The template after a patch, and what it says then; a draft is begun only where that changes.
    private static func applying(
        _ patch: TemplatePatch,
        to template: StoredTemplate,
        in tx: borrowing Transaction
    ) throws -> (template: StoredTemplate, body: TemplateBody) {
        var changed = template
        if template.builtIn != nil {
            try checkBuiltIn(patch)
        } else if let name = patch.name, name != template.name {
            try checkName(name)
            changed.name = name
        }
        changed.category = patch.category ?? template.category
        guard let present = try ClinicTemplates.body(of: template, version: nil, in: tx) else { throw Problem.notFound }
        let body = try present.applying(patch)
        if changed.category != template.category {
            // It holds at once, for what is in force too.
            try check(changed.category, for: [body, try ClinicTemplates.inForce(of: template, in: tx)])
        }
        if body != present {
            try CompiledTemplate.check(body, of: changed.category, beside: present)
            changed.draft = body
        }
        return (changed, body)
    }

    /// Throws 422 where texts would lose the link to unsubscribe that they say.
    private static func check(_ category: MessageCategory, for bodies: [TemplateBody?]) throws(Problem) {
        guard category != .marketing, bodies.contains(where: { $0.map(TemplateRules.isForMarketing) == true }) else {
            return
        }
        throw .invalid("/category", "must be marketing while a text has {{\(TemplateVariable.unsubscribeLink.name)}}")
    }

    private static func checkName(_ name: String) throws(Problem) {
        try TemplateRules.check(name: name)
        if BuiltInTemplates.named(name) != nil { throw nameTaken }
    }

    /// Who sends built-in templates counts on their names and variables.
    private static func checkBuiltIn(_ patch: TemplatePatch) throws(Problem) {
        let members = [("name", patch.name != nil), ("category", patch.category != nil)]
        let given = (members + [("variables", patch.variables != nil)]).filter(\.1)
        guard given.isEmpty else {
            throw .invalid(given.map { Problem.Fault(pointer: "/\($0.0)", "is fixed in a built-in template") })
        }
    }

    private static func takingName<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError where error.constraint == "templates_name" {
            throw nameTaken
        }
    }

    private static let nameTaken = Problem.conflict("template_name_taken", "The clinic has a template of this name.")
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ServiceHost

/// Templates as a clinic has them: the built-in ones are there without having been touched.
enum ClinicTemplates {
    /// Throws 404 where the clinic has no such template.
    static func find(_ id: TemplateID, in tx: borrowing Transaction) throws -> StoredTemplate {
        guard let template = try known(id, in: tx) else { throw Problem.notFound }
        return template
    }

    static func known(_ id: TemplateID, in tx: borrowing Transaction) throws -> StoredTemplate? {
        try TemplateStore.find(id, forUpdate: false, in: tx) ?? BuiltInTemplates.with(id).map(untouched)
    }

    /// The same to be changed: it has a row then, which others wait for, and the client has seen its newest state.
    static func lock(
        _ id: TemplateID,
        _ context: OperationContext,
        in tx: borrowing Transaction
    ) throws -> StoredTemplate {
        if let builtIn = BuiltInTemplates.with(id) {
            try TemplateStore.touch(builtIn, at: context.now, in: tx)
        }
        guard let stored = try TemplateStore.find(id, forUpdate: true, in: tx) else { throw Problem.notFound }
        try context.checkMatch(version: stored.version)
        return stored
    }

    /// All, by name; one that the clinic made takes the place of a built-in one that came later with its name.
    static func all(in tx: borrowing Transaction) throws -> [TemplateSummary] {
        let own = try TemplateStore.all(in: tx)
        let names = Set(own.map(\.template.name))
        let builtIn = BuiltInTemplates.all.filter { !names.contains($0.name) }.map { (untouched($0), false) }
        return (own + builtIn).map { TemplateSummary($0, hasDraft: $1) }.sorted { $0.name < $1.name }
    }

    /// What a version says; without one the draft, else what is in force, else the built-in text.
    ///
    /// `nil` when there is no such version.
    static func body(
        of template: StoredTemplate,
        version: Int?,
        in tx: borrowing Transaction
    ) throws -> TemplateBody? {
        if version == nil, let draft = template.draft { return draft }
        guard let number = version else { return try inForce(of: template, in: tx) }
        return try TemplateVersionStore.body(of: template.id, number: number, in: tx)
    }

    /// What is sent now; `nil` before anything is published.
    static func inForce(of template: StoredTemplate, in tx: borrowing Transaction) throws -> TemplateBody? {
        guard let number = template.published else { return template.builtIn?.body }
        return try TemplateVersionStore.body(of: template.id, number: number, in: tx)
    }

    private static func untouched(_ builtIn: BuiltInTemplate) -> StoredTemplate {
        StoredTemplate(id: builtIn.id, version: 0, name: builtIn.name, category: builtIn.category)
    }
}

extension Template {
    /// - Parameter isDraft: whether the body is not in force yet.
    init(_ stored: StoredTemplate, _ body: TemplateBody, isDraft: Bool) {
        self.init(
            id: stored.id,
            name: stored.name,
            category: stored.category,
            builtIn: stored.builtIn != nil,
            publishedVersion: stored.published,
            draft: isDraft,
            variables: body.variables,
            contents: body.contents,
            createdAt: stored.createdAt,
            updatedAt: stored.updatedAt
        )
    }
}

extension TemplateSummary {
    fileprivate init(_ stored: StoredTemplate, hasDraft: Bool) {
        self.init(
            id: stored.id,
            name: stored.name,
            category: stored.category,
            builtIn: stored.builtIn != nil,
            publishedVersion: stored.published,
            draft: hasDraft,
            updatedAt: stored.updatedAt
        )
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import Synchronization

/// Finds what a clinic's messages of a name say now.
///
/// Texts that are ready to be filled in are kept: a published version never changes.
final class CompiledTemplateCache: Sendable {
    /// Most texts kept; then all are made anew.
    static let mostKept = 1_000

    private struct Place: Hashable {
        let clinic: ClinicID?
        let template: TemplateID
        let number: Int
    }

    private let kept = Mutex<[Place: CompiledTemplate]>([:])

    /// The clinic's template of a name as it is in force; throws 422 when there is none.
    func open(_ name: String, in tx: borrowing Transaction) throws -> OpenTemplate {
        let found = try TemplateStore.inForce(name, in: tx)
        return OpenTemplate(
            template: try compiled(name, found, of: tx.tenant?.clinic),
            version: found.version?.number,
            clinicLocale: found.clinicLocale
        )
    }

    private func compiled(
        _ name: String,
        _ found: TemplateInForce,
        of clinic: ClinicID?
    ) throws -> CompiledTemplate {
        if let version = found.version {
            let place = Place(clinic: clinic, template: version.template, number: version.number)
            return try keeping(place, name, version.category) { try TemplateBody(version.body) }
        }
        guard let builtIn = BuiltInTemplates.named(name) else {
            throw Problem.invalid("/template", "is neither a built-in template nor a published one of the clinic")
        }
        let place = Place(clinic: nil, template: builtIn.id, number: 0)
        return try keeping(place, name, builtIn.category) { builtIn.body }
    }

    private func keeping(
        _ place: Place,
        _ name: String,
        _ category: MessageCategory,
        _ body: () throws -> TemplateBody
    ) throws -> CompiledTemplate {
        if let template = kept.withLock({ $0[place] }), template.name == name, template.category == category {
            return template
        }
        let template = try CompiledTemplate(name: name, category: category, try body())
        kept.withLock { kept in
            if kept.count >= Self.mostKept { kept.removeAll(keepingCapacity: true) }
            kept[place] = template
        }
        return template
    }
}

/// A clinic's template as it is in force.
struct OpenTemplate: Sendable {
    fileprivate let template: CompiledTemplate
    /// The version of the clinic's own text; `nil` for the built-in one.
    let version: Int?
    fileprivate let clinicLocale: String?

    init(template: CompiledTemplate, version: Int?, clinicLocale: String?) {
        self.template = template
        self.version = version
        self.clinicLocale = clinicLocale
    }

    var category: MessageCategory { template.category }

    /// Throws 422 for every variable that is missing or wrong.
    func check(_ data: [String: JSONValue]) throws(Problem) {
        _ = try TemplateValues(data, for: template.variables, of: template.name)
    }

    /// What a message says on each channel.
    ///
    /// Throws 422 for every variable that is missing or wrong, and when there is no text for any of the channels.
    ///
    /// - Parameters:
    ///   - locales: the languages wanted, the most wanted first; the clinic's and English follow.
    ///   - link: by which the recipient ends messages like it, where its e-mail says so.
    func fill(
        _ data: [String: JSONValue],
        locales: [String?],
        channels: [MessageChannel],
        unsubscribingBy link: String? = nil
    ) throws(Problem) -> MessageWords {
        let locales = LocaleChain.locales(wanted: locales, clinic: clinicLocale)
        let filled = try template.fill(data, locales: locales, channels: channels, unsubscribingBy: link)
        guard !filled.isEmpty else {
            let names = channels.map(\.rawValue).joined(separator: ", ")
            throw .invalid("/channels", "have no text in the template \(template.name): \(names)")
        }
        return MessageWords(filled.mapValues(\.content), category: category, version: version)
    }
}

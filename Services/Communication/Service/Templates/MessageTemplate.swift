import CommunicationAPI
import Contracts
import Core
import Mustache

/// A text with places to fill: subject, plain text and HTML.
///
/// Values are escaped in the HTML part and stand as they are in the others. A variable without a value is an error.
struct MessageTemplate: Sendable {
    let name: String
    let category: MessageCategory
    let variables: [String]
    private let subject: MustacheTemplate
    private let text: MustacheTemplate
    private let html: MustacheTemplate

    /// - Throws: what is wrong with the template's syntax.
    init(name: String, category: MessageCategory, variables: [String], subject: String, text: String) throws {
        self.name = name
        self.category = category
        self.variables = variables
        self.subject = try MustacheTemplate(string: Self.unescaped(subject))
        self.text = try MustacheTemplate(string: Self.unescaped(text))
        html = try MustacheTemplate(string: Self.page(text))
    }

    /// Fills the places in; throws 422 that names every variable without a value.
    func render(_ data: [String: JSONValue]) throws(Problem) -> MessageContent {
        var values: [String: String] = [:]
        var faults: [Problem.Fault] = []
        for variable in variables {
            switch data[variable] {
            case .string(let text) where !text.isEmpty && !text.contains("\n"): values[variable] = text
            case .integer(let number): values[variable] = String(number)
            case nil, .null: faults.append(.init(pointer: "/data/\(variable)", "is required by the template \(name)"))
            default: faults.append(.init(pointer: "/data/\(variable)", "must be a text of one line or a whole number"))
            }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        return MessageContent(subject: subject.render(values), text: text.render(values), html: html.render(values))
    }

    /// Plain parts take values as they are.
    private static func unescaped(_ text: String) -> String {
        text.replacing("{{", with: "{{{").replacing("}}", with: "}}}")
    }

    private static func page(_ text: String) -> String {
        let paragraphs = text.split(separator: "\n\n").map { "<p>\($0.replacing("\n", with: "<br>"))</p>" }
        return "<!doctype html><html><body>\(paragraphs.joined())</body></html>"
    }
}

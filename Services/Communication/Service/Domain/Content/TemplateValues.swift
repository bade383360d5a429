import CommunicationAPI
import Contracts
import Core

/// The values for a template's places, each checked as its variable asks.
///
/// They are never parsed: what looks like Mustache in one stands as it is. What no variable asks for is not used, so that a
/// new version may ask for less without breaking who sends.
struct TemplateValues: Sendable {
    static let longestText = 1_000
    static let longestParagraph = 5_000
    static let longestLink = 2_000
    static let mostInList = 50

    private enum Value {
        case text(String)
        case date(CalendarDate)
        case money(Money)
        case flag(Bool)
        case list([String])
    }

    private let values: [String: Value]

    /// Throws 422 that names every variable whose value is missing or wrong.
    init(
        _ data: [String: JSONValue],
        for variables: [TemplateVariable],
        of template: String
    ) throws(Problem) {
        var values: [String: Value] = [:]
        var faults: [Problem.Fault] = []
        for variable in variables {
            let place = "/data/\(variable.name)"
            guard let given = Self.given(data[variable.name]) else {
                if variable.optional == true { continue }
                faults.append(.init(pointer: place, "is required by the template \(template)"))
                continue
            }
            do throws(Complaint) {
                values[variable.name] = try Self.read(given, as: variable.type)
            } catch {
                faults.append(.init(pointer: place, error.detail))
            }
        }
        guard faults.isEmpty else { throw .invalid(faults) }
        self.values = values
    }

    /// What is wrong with a value for a variable; `nil` when nothing is.
    static func fault(of value: JSONValue, as type: TemplateVariableType) -> String? {
        do throws(Complaint) {
            _ = try read(value, as: type)
            return nil
        } catch {
            return error.detail
        }
    }

    /// The examples of variables; one of its type for those that have none.
    static func examples(of variables: [TemplateVariable]) -> [String: JSONValue] {
        Dictionary(variables.map { ($0.name, $0.example ?? example(of: $0.type)) }) { first, _ in first }
    }

    /// The values as a language writes them.
    func written(in locale: String) -> [String: Any] {
        let format = LocalFormat(locale)
        return values.mapValues { value -> Any in
            switch value {
            case .text(let text): text
            case .date(let date): format.date(date)
            case .money(let money): format.money(money)
            case .flag(let flag): flag
            case .list(let texts): texts
            }
        }
    }

    /// Nothing, `null` and an empty text would all be blanks.
    private static func given(_ value: JSONValue?) -> JSONValue? {
        switch value {
        case nil, .null, .string(""): nil
        case .some(let value): value
        }
    }

    private static func example(of type: TemplateVariableType) -> JSONValue {
        switch type {
        case .text: "Text"
        case .paragraph: "Some text"
        case .number: 3
        case .date: "2026-10-21"
        case .time: "10:30"
        case .money: ["amount": 8_000, "currency": "EUR"]
        case .link: "https://example.org/a1b2"
        case .flag: true
        case .list: ["One", "Two"]
        }
    }
}

extension TemplateValues {
    /// What is wrong with a value.
    private struct Complaint: Error {
        let detail: String
    }

    private static func read(_ value: JSONValue, as type: TemplateVariableType) throws(Complaint) -> Value {
        switch (type, value) {
        case (.text, .integer(let number)), (.number, .integer(let number)): return .text(String(number))
        case (.text, .string(let text)): return .text(try line(text))
        case (.paragraph, .string(let text)): return .text(try paragraph(text))
        case (.date, .string(let text)):
            if let date = CalendarDate(text) { return .date(date) }
        case (.time, .string(let text)):
            if let time = TimeOfDay(text) { return .text(time.description) }
        case (.money, .object(let members)):
            if case .integer(let amount) = members["amount"], members.count == 2,
                let currency = members["currency"]?.string.flatMap({ Currency($0) })
            {
                return .money(Money(amount: amount, currency: currency))
            }
        case (.link, .string(let text)): if isLink(text) { return .text(text) }
        case (.flag, .bool(let flag)): return .flag(flag)
        case (.list, .array(let elements)): return .list(try list(elements))
        default: break
        }
        throw Complaint(detail: "must be \(form(of: type))")
    }

    private static func form(of type: TemplateVariableType) -> String {
        switch type {
        case .text: "a text of one line or a whole number"
        case .paragraph: "a text"
        case .number: "a whole number"
        case .date: "a date YYYY-MM-DD"
        case .time: "a time HH:MM"
        case .money: "an amount {\"amount\": 8000, \"currency\": \"EUR\"}"
        case .link: "an address that begins with https:// or http://, of at most \(longestLink) characters"
        case .flag: "true or false"
        case .list: "a list of at most \(mostInList) texts"
        }
    }

    private static func line(_ text: String) throws(Complaint) -> String {
        guard text.unicodeScalars.count <= longestText else {
            throw Complaint(detail: "must have at most \(longestText) characters")
        }
        guard !text.unicodeScalars.contains(where: TemplateRules.isControl) else {
            throw Complaint(detail: "must be one line without control characters")
        }
        return text
    }

    private static func paragraph(_ text: String) throws(Complaint) -> String {
        guard text.unicodeScalars.count <= longestParagraph else {
            throw Complaint(detail: "must have at most \(longestParagraph) characters")
        }
        guard !text.unicodeScalars.contains(where: { $0 != "\n" && TemplateRules.isControl($0) }) else {
            throw Complaint(detail: "must have no control characters but line breaks")
        }
        return text
    }

    private static func list(_ elements: [JSONValue]) throws(Complaint) -> [String] {
        guard elements.count <= mostInList else { throw Complaint(detail: "must be \(form(of: .list))") }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw Complaint(detail: "must be \(form(of: .list))") }
            texts.append(try line(text))
        }
        return texts
    }

    /// Whether the address leads to the web, with nothing that could end the attribute it stands in.
    private static func isLink(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }),
            text.unicodeScalars.count <= longestLink, text.utf8.count > scheme.utf8.count
        else { return false }
        return !text.unicodeScalars.contains { scalar in
            TemplateRules.isControl(scalar) || scalar.properties.isWhitespace
                || "<>\"'\\`".unicodeScalars.contains(scalar)
        }
    }
}

import Core

/// A call's parameters, each read once; what nobody reads is an unknown one.
struct StripeForm: Sendable {
    private var values: [(name: String, value: String)]

    init(_ pairs: [(name: String, value: String)]) { values = pairs }

    mutating func take(_ name: String) -> String? {
        guard let index = values.firstIndex(where: { $0.name == name }) else { return nil }
        return values.remove(at: index).value
    }

    /// `metadata[clinic]=7` under `metadata`.
    mutating func takeMap(_ name: String) -> [String: String] {
        let found = values.filter { $0.name.hasPrefix("\(name)[") && $0.name.hasSuffix("]") }
        values.removeAll { $0.name.hasPrefix("\(name)[") && $0.name.hasSuffix("]") }
        return Dictionary(found.map { (String($0.name.dropFirst(name.count + 1).dropLast()), $0.value) }) { _, last in
            last
        }
    }

    mutating func takeInteger(_ name: String) throws(StripeError) -> Int64? {
        guard let text = take(name) else { return nil }
        guard let number = Int64(text) else {
            throw StripeError(400, "Invalid integer: \(text)", code: "parameter_invalid_integer", parameter: name)
        }
        return number
    }

    /// Passes over parameters that change nothing here.
    mutating func ignore(_ names: String...) {
        for name in names { values.removeAll { $0.name == name || $0.name.hasPrefix("\(name)[") } }
    }

    func end() throws(StripeError) {
        if let first = values.first { throw .unknown(first.name) }
    }
}

/// An action's parameters, each read once; what nobody reads is an unknown one.
struct SNSForm {
    private var values: [(name: String, value: String)]

    init(_ pairs: [(name: String, value: String)]) { values = pairs }

    mutating func take(_ name: String) -> String? {
        guard let index = values.firstIndex(where: { $0.name == name }) else { return nil }
        return values.remove(at: index).value
    }

    /// The values of `attributes.member.1` and its like, in their order.
    mutating func takeList(_ name: String) -> [String] {
        let found = values.filter { $0.name.hasPrefix("\(name).") }
        values.removeAll { $0.name.hasPrefix("\(name).") }
        return found.map(\.value)
    }

    /// `MessageAttributes.entry.1.Name`, `.Value.DataType` and `.Value.StringValue`.
    mutating func takeAttributes() throws(AWSRefusal) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        while let name = take("MessageAttributes.entry.\(found.count + 1).Name") {
            let place = "MessageAttributes.entry.\(found.count + 1).Value"
            guard let type = take("\(place).DataType"), ["String", "Number"].contains(type),
                let value = take("\(place).StringValue"), !value.isEmpty
            else {
                throw .invalidParameter(
                    "The message attribute '\(name)' must contain non-empty message attribute value."
                )
            }
            found.append((name, value))
        }
        return found
    }

    /// `Attributes.entry.1.key` and `.value`.
    mutating func takeMap(_ name: String) -> [String: String] {
        var found: [String: String] = [:]
        while let key = take("\(name).entry.\(found.count + 1).key") {
            found[key] = take("\(name).entry.\(found.count + 1).value") ?? ""
        }
        return found
    }

    /// AWS passes over what it does not know; here a misspelt parameter shows.
    func end() throws(AWSRefusal) {
        if let first = values.first { throw .invalidParameter("unknown parameter \(first.name)") }
    }
}

extension AWSRefusal {
    /// What SNS calls every parameter that it does not take.
    static func invalidParameter(_ what: String) -> AWSRefusal {
        AWSRefusal(400, "InvalidParameter", "Invalid parameter: \(what)")
    }
}

/// The bytes of a body that is not ours to read: a webhook's, an upload's.
///
/// In an input the gateway fills it in, as base64.
package struct RawBody: Wire, Documented, Hashable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = Base64.decode(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not base64")
        }
        self.bytes = bytes
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(Base64.encode(bytes))
    }

    package static var placeholder: RawBody { RawBody([]) }

    package static var schema: Schema {
        var rule = StringRule(format: "binary", complaint: "is not base64") { Base64.decode($0) != nil }
        rule.isRawBody = true
        return Schema(.string(rule))
    }
}

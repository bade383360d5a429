/// JSON kept as the bytes it came in; written out as it is.
package struct RawJSON: Hashable, Sendable {
    /// One JSON value, already known to be well-formed.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension RawJSON: Codable {
    // The tape's decoder and the writer know this type; other coders go through `JSONValue`.
    package init(from decoder: any Decoder) throws {
        if let position = decoder as? TapeDecoder {
            bytes = position.rawBytes
        } else {
            bytes = try JSONWriter.encode(JSONValue(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        if let writer = encoder as? WritingEncoder {
            writer.writeRaw(bytes)
        } else {
            try JSONTape(bytes).decode(JSONValue.self).encode(to: encoder)
        }
    }
}

extension RawJSON: Documented {
    package static var schema: Schema { Schema(.unread) }
    package static var placeholder: RawJSON { RawJSON(Array("null".utf8)) }
}

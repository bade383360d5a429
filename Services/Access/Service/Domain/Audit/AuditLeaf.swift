package import Contracts
import Core

/// An audit record as the canonical JSON (RFC 8785) of its log entry, with a gap where `seq` belongs.
///
/// Written out member by member, in the order of their names, because every request leaves one.
package struct AuditLeaf: Hashable, Sendable {
    /// Everything before `"seq":n`.
    package let head: [UInt8]
    /// Everything behind it, the comma included.
    package let tail: [UInt8]

    package init(_ record: AuditRecord) {
        var text = JSONText()
        text.bytes.reserveCapacity(512)
        text.open()
        text.member("action", record.action)
        text.key("actor")
        text.open()
        text.member("apiKeyId", record.actor.apiKeyId)
        text.member("id", record.actor.id)
        text.member("roles", record.actor.roles)
        text.member("type", record.actor.type)
        text.close()
        text.member("at", record.at.rfc3339)
        text.member("breakGlassId", record.breakGlassId?.description)
        text.member("clinicId", record.clinicId.description)
        text.member("count", record.count)
        text.member("id", record.id.description)
        text.member("outcome", record.outcome.rawValue)
        text.member("patientId", record.patientId?.description)
        text.member("reason", record.reason)
        text.member("requestId", record.requestId.description)
        text.key("resource")
        text.open()
        text.member("id", record.resource.id)
        text.member("type", record.resource.type)
        text.close()
        text.comma()
        head = text.bytes
        text = JSONText()
        text.open()
        text.bytes = []
        text.afterMember = true
        text.key("source")
        text.open()
        text.member("address", record.source.address)
        text.member("userAgent", record.source.userAgent)
        text.close()
        text.member("using", record.using)
        text.close()
        tail = text.bytes
    }

    /// The whole line.
    package func line(seq: Int64) -> [UInt8] { head + Array("\"seq\":\(seq)".utf8) + tail }
}

/// Compact JSON under construction; who writes keeps the order of the members.
private struct JSONText {
    var bytes: [UInt8] = []
    var afterMember = false

    mutating func open() {
        bytes.append(UInt8(ascii: "{"))
        afterMember = false
    }

    mutating func close() {
        bytes.append(UInt8(ascii: "}"))
        afterMember = true
    }

    mutating func comma() { bytes.append(UInt8(ascii: ",")) }

    mutating func key(_ name: String) {
        if afterMember { comma() }
        afterMember = true
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: name.utf8)
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func member(_ name: String, _ text: String?) {
        guard let text else { return }
        key(name)
        bytes.append(contentsOf: JSONWriter.quoted(text).utf8)
    }

    mutating func member(_ name: String, _ number: Int?) {
        guard let number else { return }
        key(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    mutating func member(_ name: String, _ texts: [String]) {
        key(name)
        bytes.append(UInt8(ascii: "["))
        for (index, text) in texts.enumerated() {
            if index > 0 { comma() }
            bytes.append(contentsOf: JSONWriter.quoted(text).utf8)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

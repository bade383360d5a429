import Contracts
import Core

extension EventEnvelope {
    /// The part that is sealed; id and clinic stand in the header.
    func encodedContent() -> [UInt8] {
        var out = ByteWriter(capacity: payload.count + 192)
        out.text(name)
        out.number(version)
        out.text(category.rawValue)
        out.text(priority.rawValue)
        out.text(actor)
        out.number(at.microseconds)
        out.text(aggregateId)
        out.number(aggregateVersion)
        out.byte(notify ? 1 : 0)
        out.block(payload)
        return out.bytes
    }

    init(content: [UInt8], header: EntryHeader) throws(ByteCodingError) {
        var from = ByteReader(content)
        let name = try from.text()
        let version = Int(try from.number())
        guard let clinic = header.clinic, let category = EventCategory(rawValue: try from.text()),
            let priority = EventPriority(rawValue: try from.text())
        else { throw ByteCodingError() }
        self.init(
            id: header.id.retagged(),
            name: name,
            version: version,
            category: category,
            priority: priority,
            clinicId: clinic,
            actor: try from.text(),
            at: Instant(microseconds: try from.number()),
            aggregateId: try from.text(),
            aggregateVersion: try from.number(),
            notify: try from.flag(),
            payload: try from.block()
        )
        guard from.isAtEnd else { throw ByteCodingError() }
    }
}

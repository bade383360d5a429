package import Core

/// The open part of a sealed entry: readable by anyone, changeable by nobody without breaking the seal.
package struct EntryHeader: Hashable, Sendable {
    package enum Kind: UInt8, Sendable { case request = 1, reply, event, broadcast }

    /// Of this form of headers.
    static let layout: UInt8 = 1

    package var kind: Kind
    /// Who sealed it.
    package var writer: String
    /// The instance of the process that sealed it; a reply goes there.
    package var instance: String
    /// The ring key it is sealed under.
    package var keyID: String
    /// The request's or event's id; a reply has its request's.
    package var id: RequestID
    package var clinic: ClinicID?
    /// `kind:id`.
    package var principal: String
    /// Redis time; zero when the entry does not expire.
    package var deadline: Instant
    package var traceparent: String

    package init(
        kind: Kind,
        writer: String,
        instance: String = "",
        keyID: String,
        id: RequestID,
        clinic: ClinicID? = nil,
        principal: String = "",
        deadline: Instant = Instant(microseconds: 0),
        traceparent: String = ""
    ) {
        self.kind = kind
        self.writer = writer
        self.instance = instance
        self.keyID = keyID
        self.id = id
        self.clinic = clinic
        self.principal = principal
        self.deadline = deadline
        self.traceparent = traceparent
    }

    func encoded() -> [UInt8] {
        var out = ByteWriter(capacity: 192)
        out.byte(Self.layout)
        out.byte(kind.rawValue)
        out.text(writer)
        out.text(instance)
        out.text(keyID)
        out.id(id)
        out.optional(clinic)
        out.text(principal)
        out.number(deadline.microseconds)
        out.text(traceparent)
        return out.bytes
    }

    init(encoded: [UInt8]) throws(ByteCodingError) {
        var from = ByteReader(encoded)
        guard try from.byte() == Self.layout, let kind = Kind(rawValue: try from.byte()) else {
            throw ByteCodingError()
        }
        self.init(
            kind: kind,
            writer: try from.text(),
            instance: try from.text(),
            keyID: try from.text(),
            id: try from.id(),
            clinic: try from.optionalID(),
            principal: try from.text(),
            deadline: Instant(microseconds: try from.number()),
            traceparent: try from.text()
        )
        guard from.isAtEnd else { throw ByteCodingError() }
    }
}

import CommunicationAPI
import Contracts
import Core
import Outbox
import Postgres
import ProviderConfig

/// A row of `suppressions`, its address still sealed.
struct StoredSuppression: Sendable, Equatable {
    var id: SuppressionID
    var version: Int64
    var channel: MessageChannel
    var addressIndex: [UInt8]
    var sealed: [UInt8]?
    /// `nil`: everything.
    var category: MessageCategory?
    var reason: SuppressionReason
    var source: String
    var expiresAt: Instant?
    var createdBy: String
    var createdAt: Instant
    var updatedAt: Instant
}

extension SuppressionReason: Column {}

/// The table `suppressions`, in transactions that are opened for the clinic.
struct SuppressionStore: Sendable {
    private static let purpose = "suppression"
    /// Stands where a suppression is about everything.
    private static let everything = "all"
    /// Rows that one statement writes of many.
    private static let rowsOfStatement = 1_000

    private static let columns: Query = """
        id, version, channel, address_index, sealed, category, reason, source, expires_at, created_by, created_at, updated_at
        """

    /// What was so already lasts as long as the longer of both.
    private static let orLonger: Query = """
        on conflict (clinic_id, address_index, channel, reason, category) do update set source = excluded.source,
            expires_at = excluded.expires_at, sealed = coalesce(suppressions.sealed, excluded.sealed),
            updated_at = excluded.updated_at, version = suppressions.version + 1
        where suppressions.expires_at is not null
            and (excluded.expires_at is null or excluded.expires_at > suppressions.expires_at)
        """

    let dataKeys: DataKeyStore

    /// Suppresses an address on a channel for one reason; what was so already stays, and lasts as long as the longer of both.
    ///
    /// - Parameters:
    ///   - addressIndex: see `AddressIndex`.
    ///   - address: in the clear, where it is known; sealed here.
    ///   - category: what it keeps away, everything when `nil`.
    /// - Returns: the suppression in force, and whether it is new.
    @discardableResult
    func add(
        channel: MessageChannel,
        addressIndex: [UInt8],
        address: String?,
        reason: SuppressionReason,
        category: MessageCategory? = nil,
        source: String,
        expires: Instant? = nil,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> (suppression: StoredSuppression, isNew: Bool) {
        let id = SuppressionID(at: now)
        let kept = category?.rawValue ?? Self.everything
        let rows = try tx.rows(
            """
            insert into suppressions (clinic_id, id, channel, address_index, sealed, category, reason, source, expires_at,
                created_by, created_at, updated_at)
            values (clinic_id(), \(id), \(channel.rawValue), \(addressIndex), \(try seal(address, addressIndex, in: tx)), \(kept),
                \(reason.rawValue), \(source), \(expires), \(tx.tenant?.actor ?? "system"), \(now), \(now))
            \(Self.orLonger)
            returning \(Self.columns)
            """
        )
        if let written = try rows.first.map(Self.decode) {
            if written.id == id { try Self.watch(written, at: now, in: tx) }
            return (written, written.id == id)
        }
        let present = try tx.rows(
            """
            select \(Self.columns) from suppressions where clinic_id = clinic_id() and address_index = \(addressIndex)
                and channel = \(channel.rawValue) and reason = \(reason.rawValue) and category = \(kept)
            """
        )
        guard let row = present.first else { throw Problem.unavailable("The list of suppressions") }
        return (try Self.decode(row), false)
    }

    /// Suppresses many addresses, as staff or a sheet of theirs say it; what was so already stays, and lasts as long as the
    /// longer of both.
    ///
    /// - Returns: how many are new.
    func add(
        all entries: [NewSuppression],
        source: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        var longest: [NewSuppression.Key: NewSuppression] = [:]
        for entry in entries {
            longest[entry.key] = longest[entry.key].map { $0.lasts(asLongAs: entry) ? $0 : entry } ?? entry
        }
        // In one order, so that two sheets with the same addresses wait for each other.
        let ordered = longest.sorted { $0.key < $1.key }.map(\.value)
        var added = 0
        for start in stride(from: 0, to: ordered.count, by: Self.rowsOfStatement) {
            let part = ordered[start..<min(start + Self.rowsOfStatement, ordered.count)]
            added += try write(Array(part), source: source, at: now, in: tx)
        }
        return added
    }

    private func write(
        _ part: [NewSuppression],
        source: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> Int {
        let ids = part.map { _ in SuppressionID(at: now) }
        let sealed = try part.map { try seal($0.address, $0.addressIndex, in: tx) ?? [] }
        let rows = try tx.rows(
            """
            insert into suppressions (clinic_id, id, channel, address_index, sealed, category, reason, source, expires_at,
                created_by, created_at, updated_at)
            select clinic_id(), n.id, n.channel, n.address_index, n.sealed, n.category, n.reason, \(source), n.expires_at,
                \(tx.tenant?.actor ?? "system"), \(now), \(now)
            from unnest(\(ids), \(part.map(\.channel.rawValue)), \(ByteColumns(part.map(\.addressIndex))),
                \(ByteColumns(sealed)), \(part.map { $0.category?.rawValue ?? Self.everything }),
                \(part.map(\.reason.rawValue)), \(OptionalColumns(part.map(\.expiresAt))))
                as n (id, channel, address_index, sealed, category, reason, expires_at)
            \(Self.orLonger)
            returning id
            """
        )
        return Set(try rows.map { try $0[0] as SuppressionID }).intersection(ids).count
    }

    /// Alerts the clinic when providers tell of many addresses at once: a list may be bad, or a sender's name ruined.
    private static func watch(
        _ suppression: StoredSuppression,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        let isTold = ProviderActor.isOne(suppression.source)
        guard isTold, suppression.reason == .hardBounce || suppression.reason == .complaint else { return }
        // Ids begin with their time.
        let from = SuppressionID(high: SuppressionID(at: now - .seconds(3_600)).high & ~0xFFFF, low: 0)
        let rows = try tx.rows(
            """
            select count(*) from (
                select 1 from suppressions where clinic_id = clinic_id() and id >= \(from) and source like 'provider:%'
                    and reason in ('hard_bounce', 'complaint') limit \(AlertRules.spike)
            ) as told
            """
        )
        guard let row = rows.first, try row[0] as Int64 >= Int64(AlertRules.spike) else { return }
        try AlertStore.raise(.suppressionSpike, about: suppression.source, at: now, in: tx)
    }

    /// What keeps a message of a category away from addresses now, by channel; the weightiest of each.
    static func blocking(
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        category: MessageCategory,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [MessageChannel: StoredSuppression] {
        weightiest(try inForce(pairs.map(\.addressIndex), at: now, in: tx), pairs, category)
    }

    /// All that is suppressed of some addresses now, on whichever channel.
    static func inForce(
        _ addressIndexes: [[UInt8]],
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [StoredSuppression] {
        guard !addressIndexes.isEmpty else { return [] }
        let rows = try tx.rows(
            """
            select \(columns) from suppressions
            where clinic_id = clinic_id() and address_index = any (\(ByteColumns(addressIndexes)))
                and (expires_at is null or expires_at > \(now))
            """
        )
        return try rows.map(decode)
    }

    /// How a contact has opted out now, under whichever of their addresses.
    static func optOuts(
        of holder: ContactID,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> [StoredSuppression] {
        var query: Query = """
            select \(columns) from suppressions where clinic_id = clinic_id() and (expires_at is null or expires_at > \(now))
            """
        query += SuppressionFilter(holder: holder).conditions
        return try tx.rows(query).map(decode).filter { SuppressionRules.isOptOut($0.reason) }
    }

    /// Of what is in force, what keeps a message of a category away from its addresses.
    static func weightiest(
        _ found: [StoredSuppression],
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        _ category: MessageCategory
    ) -> [MessageChannel: StoredSuppression] {
        let blocking = found.filter { suppression in
            pairs.contains { $0.channel == suppression.channel && $0.addressIndex == suppression.addressIndex }
                && SuppressionRules.blocks(suppression.reason, of: suppression.category, category)
        }
        return Dictionary(blocking.map { ($0.channel, $0) }) { first, second in
            SuppressionRules.rank(first.reason) <= SuppressionRules.rank(second.reason) ? first : second
        }
    }

    /// Of what is in force, on which channels the recipient has opted out of a category, and how.
    static func optOuts(
        _ found: [StoredSuppression],
        _ pairs: [(channel: MessageChannel, addressIndex: [UInt8])],
        _ category: MessageCategory
    ) -> [MessageChannel: SuppressionReason] {
        weightiest(found.filter { SuppressionRules.isOptOut($0.reason) }, pairs, category).mapValues(\.reason)
    }

    /// - Parameter holder: only one about an address of theirs.
    static func find(
        _ id: SuppressionID,
        of holder: ContactID? = nil,
        forUpdate: Bool = false,
        in tx: borrowing Transaction
    ) throws -> StoredSuppression? {
        var query: Query = "select \(columns) from suppressions where clinic_id = clinic_id() and id = \(id)"
        query += SuppressionFilter(holder: holder).conditions
        if forUpdate { query += " for update" }
        return try tx.rows(query).first.map(decode)
    }

    /// Newest first, after a position.
    static func list(
        _ filter: SuppressionFilter,
        after: SuppressionID?,
        limit: Int,
        in tx: borrowing Transaction
    ) throws -> [StoredSuppression] {
        var query: Query = "select \(columns) from suppressions where clinic_id = clinic_id()"
        query += filter.conditions
        if filter.isOldestFirst {
            if let after { query += " and id > \(after)" }
            query += " order by id limit \(limit)"
        } else {
            if let after { query += " and id < \(after)" }
            query += " order by id desc limit \(limit)"
        }
        return try tx.rows(query).map(decode)
    }

    /// Sets until when it is in force; `nil` when it is gone.
    static func update(
        _ id: SuppressionID,
        expires: Instant?,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws -> StoredSuppression? {
        try tx.rows(
            """
            update suppressions set expires_at = \(expires), updated_at = \(now), version = version + 1
            where clinic_id = clinic_id() and id = \(id) returning \(columns)
            """
        ).first.map(decode)
    }

    /// Releases an address.
    static func remove(_ id: SuppressionID, in tx: borrowing Transaction) {
        tx.execute("delete from suppressions where clinic_id = clinic_id() and id = \(id)")
    }

    /// Takes back what was suppressed for one reason: the recipient has changed their mind.
    ///
    /// - Parameter madeUntil: what was made later stays.
    static func remove(
        channel: MessageChannel,
        addressIndex: [UInt8],
        reason: SuppressionReason,
        category: MessageCategory? = nil,
        madeUntil: Instant? = nil,
        in tx: borrowing Transaction
    ) throws -> Bool {
        var query: Query = """
            delete from suppressions where clinic_id = clinic_id() and address_index = \(addressIndex)
                and channel = \(channel.rawValue) and reason = \(reason.rawValue) and category = \(category?.rawValue ?? everything)
            """
        if let madeUntil { query += " and created_at <= \(madeUntil)" }
        return try tx.rows(query).affected == 1
    }

    /// Takes back that an address takes nothing, as it has shown that it does; the trail tells of it.
    ///
    /// - Parameters:
    ///   - source: only what was told by it.
    ///   - from: what was made before stays, and what was made after `until`.
    ///   - provider: which of them has brought what shows it.
    ///   - why: in a word of ours.
    static func disproveBounce(
        channel: MessageChannel,
        addressIndex: [UInt8],
        source: String? = nil,
        from: Instant? = nil,
        until: Instant? = nil,
        toldBy provider: String,
        _ why: String,
        at now: Instant,
        in tx: borrowing Transaction
    ) throws {
        var query: Query = """
            delete from suppressions where clinic_id = clinic_id() and address_index = \(addressIndex)
                and channel = \(channel.rawValue) and reason = \(SuppressionReason.hardBounce.rawValue)
            """
        if let source { query += " and source = \(source)" }
        if let from { query += " and created_at >= \(from)" }
        if let until { query += " and created_at <= \(until)" }
        query += " returning id"
        for row in try tx.rows(query) {
            guard let clinic = tx.tenant?.clinic else { throw OutboxError.noClinic }
            let id: SuppressionID = try row[0]
            let entry = AuditRecord(
                at: now,
                clinicId: clinic,
                actor: AuditRecord.Actor(Principal(kind: .provider, id: provider)),
                action: CommunicationPermissions.deleteSuppressions.name,
                resource: .init(type: "suppressions", id: id.description),
                outcome: .succeeded,
                reason: why,
                requestId: RequestID(at: now),
                source: .init(address: "", userAgent: "")
            )
            try Outbox.appendAudit(entry, in: tx)
        }
    }

    /// The address in the clear.
    static func address(of suppression: StoredSuppression, with sealer: ClinicSealer) throws -> String? {
        guard let sealed = suppression.sealed else { return nil }
        let plain = try sealer.open(sealed, purpose: purpose, record: suppression.addressIndex.hex)
        return String(decoding: plain, as: UTF8.self)
    }

    /// Under the index it is found by, so that it stays readable whichever row of that address it stands in.
    private func seal(_ address: String?, _ index: [UInt8], in tx: borrowing Transaction) throws -> [UInt8]? {
        guard let address, let clinic = tx.tenant?.clinic else { return nil }
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        return try sealer.seal(Array(address.utf8), purpose: Self.purpose, record: index.hex)
    }

    private static func decode(_ row: Row) throws -> StoredSuppression {
        let channel: String = try row[2]
        let category: String = try row[5]
        return StoredSuppression(
            id: try row[0],
            version: try row[1],
            channel: MessageChannel(rawValue: channel) ?? .email,
            addressIndex: try row[3],
            sealed: try row[4],
            category: MessageCategory(rawValue: category),
            reason: try row[6],
            source: try row[7],
            expiresAt: try row[8],
            createdBy: try row[9],
            createdAt: try row[10],
            updatedAt: try row[11]
        )
    }
}

import CommunicationAPI
import Contracts
import Core
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
    static let everything = "all"

    static let columns: Query = """
        id, version, channel, address_index, sealed, category, reason, source, expires_at, created_by, created_at, updated_at
        """

    /// What was so already lasts as long as the longer of both.
    static let orLonger: Query = """
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
    /// - Returns: the suppression in force, and whether it is new; a new one that a provider told of is to be handed to `watch`.
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

    /// The address in the clear.
    static func address(of suppression: StoredSuppression, with sealer: ClinicSealer) throws -> String? {
        guard let sealed = suppression.sealed else { return nil }
        let plain = try sealer.open(sealed, purpose: purpose, record: suppression.addressIndex.hex)
        return String(decoding: plain, as: UTF8.self)
    }

    /// Under the index it is found by, so that it stays readable whichever row of that address it stands in.
    func seal(_ address: String?, _ index: [UInt8], in tx: borrowing Transaction) throws -> [UInt8]? {
        guard let address, let clinic = tx.tenant?.clinic else { return nil }
        let sealer = try dataKeys.sealer(for: clinic, in: tx)
        return try sealer.seal(Array(address.utf8), purpose: Self.purpose, record: index.hex)
    }

    static func decode(_ row: Row) throws -> StoredSuppression {
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

import CommunicationAPI
import Core
import Postgres

/// Messages counted.
enum AnalyticsStore {
    /// Counts the time's messages, in the order of their keys; `zone` says what a day is.
    ///
    /// A channel or provider that was paid for messages which another one took at last has costs and may have no message.
    static func count(
        _ span: AnalyticsSpan,
        zone: TimeZoneName?,
        in tx: borrowing Transaction
    ) throws -> [MessageCount] {
        var counts: [String?: MessageCount] = [:]
        for row in try tx.rows(query(span, zone: zone)) {
            let count = try Self.count(row)
            counts[count.key] = count
        }
        for row in try tx.rows(costs(span, zone: zone)) {
            let key: String? = try row[0]
            let cost = MessageCost(micros: try row[2], currency: try row[1])
            counts[key, default: MessageCount(ofNoneUnder: key)].costs.append(cost)
        }
        return counts.values.sorted { left, right in
            guard let leftKey = left.key else { return false }
            guard let rightKey = right.key else { return true }
            return leftKey < rightKey
        }
    }

    private static func count(_ row: Row) throws -> MessageCount {
        func number(_ column: Int) throws -> Int {
            let count: Int64 = try row[column]
            return Int(count)
        }
        return MessageCount(
            key: try row[0],
            total: try number(1),
            queued: try number(2),
            sending: try number(3),
            sent: try number(4),
            delivered: try number(5),
            opened: try number(6),
            failed: try number(7),
            suppressed: try number(8),
            cancelled: try number(9),
            expired: try number(10),
            unknown: try number(11)
        )
    }

    /// Reads by the index of the newest first, and nothing outside the time.
    static func query(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        let key: Query =
            switch span.by {
            case .channel: MessageStore.countedChannel
            case .provider: MessageStore.countedProvider
            case .template, .day: ownKey(span, zone: zone)
            }
        return """
            select key, count(*), count(*) filter (where status = 'queued'), count(*) filter (where status = 'sending'),
                count(*) filter (where status = 'sent'), count(*) filter (where status = 'delivered'),
                count(*) filter (where status = 'opened'), count(*) filter (where status = 'failed'),
                count(*) filter (where status = 'suppressed'), count(*) filter (where status = 'cancelled'),
                count(*) filter (where status = 'expired'), count(*) filter (where status = 'unknown')
            from (select \(key) as key, status from messages where \(accepted(within: span))) as counted
            group by key
            """
    }

    /// What the messages' attempts cost, by key and currency: each stands under the channel and provider that was paid for it.
    static func costs(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        let key: Query =
            switch span.by {
            case .channel: "paid.channel"
            case .provider: "paid.provider"
            case .template, .day: ownKey(span, zone: zone)
            }
        return """
            select \(key), paid.cost_currency, sum(paid.cost_micros)::bigint
            from messages join message_attempts as paid on paid.clinic_id = clinic_id() and paid.message_id = messages.id
            where \(accepted(within: span)) and paid.cost_micros is not null
            group by 1, 2 order by 1, 2
            """
    }

    /// What a message is counted under whoever it was put to.
    private static func ownKey(_ span: AnalyticsSpan, zone: TimeZoneName?) -> Query {
        span.by == .template
            ? "messages.template"
            : "to_char(messages.created_at at time zone \(zone?.name ?? "UTC"), 'YYYY-MM-DD')"
    }

    private static func accepted(within span: AnalyticsSpan) -> Query {
        """
        messages.clinic_id = clinic_id() and messages.created_at >= \(span.from) and messages.created_at < \(span.to)
        """
    }
}

extension MessageCount {
    /// Of no message.
    fileprivate init(ofNoneUnder key: String?) {
        self.init(
            key: key,
            total: 0,
            queued: 0,
            sending: 0,
            sent: 0,
            delivered: 0,
            opened: 0,
            failed: 0,
            suppressed: 0,
            cancelled: 0,
            expired: 0,
            unknown: 0
        )
    }
}

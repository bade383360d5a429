import CommunicationAPI
import Contracts
import Core
import Postgres

/// The keyed hash by which messages to somebody are found.
enum RecipientIndex: Sendable {
    case email([UInt8]), phone([UInt8]), push([UInt8])

    var bytes: [UInt8] {
        switch self {
        case .email(let bytes), .phone(let bytes), .push(let bytes): bytes
        }
    }
}

/// Which messages a list holds.
struct MessageFilter: Sendable {
    let request: MessageListRequest
    /// The keyed hash of the recipient asked for.
    let recipient: RecipientIndex?
    /// Accepted at or after.
    private let from: Instant?
    /// Accepted before.
    private let to: Instant?

    /// - Parameter zone: the clinic's, which says when days begin.
    init(_ request: MessageListRequest, recipient: RecipientIndex?, zone: TimeZoneName?) {
        self.request = request
        self.recipient = recipient
        from = request.from?.start(in: zone)
        to = request.to?.end(in: zone)
    }

    var isOldestFirst: Bool { request.sort == .oldestFirst }

    var conditions: Query {
        var query: Query = ""
        if let status = request.status { query += " and status = \(status.rawValue)" }
        // What analytics count it under.
        if let channel = request.channel { query += " and \(MessageStore.countedChannel) = \(channel.rawValue)" }
        if let provider = request.provider { query += " and \(MessageStore.countedProvider) = \(provider)" }
        if let template = request.template { query += " and template = \(template)" }
        if let category = request.category { query += " and category = \(category.rawValue)" }
        if let patient = request.patientId { query += " and patient_id = \(patient)" }
        if let reference = request.reference { query += " and reference = \(reference)" }
        switch recipient {
        case .email(let index): query += " and recipient_index = \(index)"
        case .phone(let index): query += " and phone_index = \(index)"
        case .push(let index): query += " and push_index = \(index)"
        case nil: break
        }
        if let from { query += " and created_at >= \(from)" }
        if let to { query += " and created_at < \(to)" }
        return query
    }

    /// What cursors of the same list have in common; the recipient stands in it as its hash.
    var name: String {
        [
            "messages", request.status?.rawValue, request.channel?.rawValue, request.provider, request.template,
            request.category?.rawValue, request.patientId?.description, request.reference, recipient?.bytes.hex,
            from.map { "\($0.microseconds)" }, to.map { "\($0.microseconds)" }, request.sort?.rawValue,
        ].map { $0 ?? "" }.joined(separator: "\u{1E}")
    }
}

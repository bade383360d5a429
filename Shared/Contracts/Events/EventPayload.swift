package import Core

/// What an event is about; the raw values are part of the public contract.
package enum EventCategory: String, Hashable, Sendable, Codable, CaseIterable {
    case userActivity = "USER_ACTIVITY"
    case ehrRecord = "EHR_RECORD"
    case appointment = "APPOINTMENT"
    case billing = "BILLING"
    case clinic = "CLINIC"
    case video = "VIDEO"
    case communication = "COMMUNICATION"
}

/// The order in which waiting events are sent.
package enum EventPriority: String, Hashable, Sendable, Codable, CaseIterable {
    case critical, normal, bulk
}

/// A kind of event: an aggregate's whole public state after a change.
///
/// Changes are additive; a break is a new kind beside the old one for a release.
package protocol EventPayload: Wire {
    /// `appointment.booked`.
    static var kind: String { get }
    /// Additions leave it as it is: readers ignore what they do not know. Raised when older readers must leave the event to
    /// newer ones.
    static var version: Int { get }
    static var category: EventCategory { get }
    /// The service that owns the aggregate.
    static var topic: ServiceName { get }
    static var priority: EventPriority { get }
}

extension EventPayload {
    package static var version: Int { 1 }
    package static var priority: EventPriority { .normal }
}

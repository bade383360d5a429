import AppointmentsAPI
import CommunicationAPI
import Contracts
import Core

/// When patients are reminded of a visit, and what they are told then.
enum ReminderRules {
    /// The setting that holds a clinic's choice.
    static let settingsKey = "reminders"
    /// What is sent where a clinic has chosen nothing.
    static let usual: [ReminderTime] = [.dayBefore, .twoHoursBefore]

    /// Those that a clinic sends.
    static func wanted(_ settings: [String: JSONValue]) -> [ReminderTime] { chosen(settings) ?? usual }

    /// Those that a clinic has chosen; `nil` where it has chosen nothing.
    static func chosen(_ settings: [String: JSONValue]) -> [ReminderTime]? {
        guard case .array(let names) = settings[settingsKey] else { return nil }
        return names.compactMap { $0.string.flatMap(ReminderTime.init(rawValue:)) }
    }

    /// The reminders that are still to come of a visit.
    ///
    /// Who books later than one of them was due is not told twice within minutes.
    static func due(for visit: AppointmentState, at now: Instant) -> [(reminder: ReminderTime, at: Instant)] {
        guard AppointmentStatus.upcoming.contains(visit.status) else { return [] }
        return ReminderTime.allCases.map { ($0, visit.start - $0.lead) }.filter { $0.at > now }
    }
}

extension ReminderTime {
    /// How long before the visit it is due.
    var lead: Duration {
        switch self {
        case .dayBefore: .seconds(24 * 3_600)
        case .twoHoursBefore: .seconds(2 * 3_600)
        case .halfHourBefore: .seconds(30 * 60)
        }
    }

    /// Until when what it says is true, from when it is due.
    var validity: Duration {
        switch self {
        case .dayBefore: lead
        // They say how long it is still.
        case .twoHoursBefore: .seconds(45 * 60)
        case .halfHourBefore: .seconds(15 * 60)
        }
    }

    var template: String {
        switch self {
        case .dayBefore: BuiltInTemplates.appointmentReminder
        case .twoHoursBefore: BuiltInTemplates.appointmentReminderTwoHours
        case .halfHourBefore: BuiltInTemplates.appointmentReminderHalfHour
        }
    }
}

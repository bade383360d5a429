import AccessAPI
import Core

/// What preferences must be beyond the shape of their members.
enum PreferenceRule {
    /// Throws 422 naming every member that is wrong.
    static func check(_ preferences: Preferences) throws(Problem) {
        var faults: [Problem.Fault] = []
        if let zone = preferences.timeZone, !ClinicRule.isKnown(zone) {
            faults.append(.init(pointer: "/timeZone", "is not a known time zone"))
        }
        var kinds: Set<NoticeKind> = []
        for (index, notice) in preferences.notices.enumerated() {
            if !kinds.insert(notice.kind).inserted {
                faults.append(.init(pointer: "/notices/\(index)/kind", "is listed before"))
            }
            if let channels = notice.channels, Set(channels).count != channels.count {
                faults.append(.init(pointer: "/notices/\(index)/channels", "has a channel twice"))
            }
            if let hours = notice.quietHours, hours.from == hours.to {
                faults.append(.init(pointer: "/notices/\(index)/quietHours", "begin when they end"))
            }
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }
}

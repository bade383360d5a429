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
            // Whoever takes an account over would begin with this.
            guard notice.kind == .accountSecurity else { continue }
            if notice.channels?.isEmpty == true {
                faults.append(.init(pointer: "/notices/\(index)/channels", "must not be empty for account_security"))
            }
            if notice.quietHours != nil {
                faults.append(.init(pointer: "/notices/\(index)/quietHours", "must be absent for account_security"))
            }
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }
}

import AccessAPI
import Core

/// By which channels somebody is told about their account.
enum NoticeRoute {
    /// Those that the person prefers first, the others where none of them could carry it: what concerns the safety of an
    /// account is told in any case.
    static func channels(_ preferred: [NoticeChannel]?, email: EmailAddress?, phone: PhoneNumber?) -> [NoticeChannel] {
        let possible: [NoticeChannel] = (email == nil ? [] : [.email]) + (phone == nil ? [] : [.sms, .whatsapp])
        let first = (preferred ?? []).filter(possible.contains)
        return first + possible.filter { !first.contains($0) }
    }
}

import Core
import FoundationEssentials
import Synchronization

/// The system's time zones, each read once.
final class ZoneCatalog: Sendable {
    /// Where Debian, Ubuntu and their kin keep compiled zones (package `tzdata`).
    static let systemFolder = "/usr/share/zoneinfo"

    private let folder: String
    private let known = Mutex<[String: ZoneRules]>([:])

    init(folder: String = systemFolder) { self.folder = folder }

    /// The rules of a zone; `nil` when the system has none of that name.
    func rules(_ name: TimeZoneName) -> ZoneRules? {
        if let rules = known.withLock({ $0[name.name] }) { return rules }
        // A zone's name has no dots, so it cannot lead out of the folder.
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(name.name)"),
            let rules = TZif.rules(Array(data))
        else { return nil }
        known.withLock { $0[name.name] = rules }
        return rules
    }

    /// The rules of a zone that was accepted before; throws 503 when the system lost it.
    func required(_ name: TimeZoneName) throws(Problem) -> ZoneRules {
        guard let rules = rules(name) else { throw .unavailable("The time zone database") }
        return rules
    }
}

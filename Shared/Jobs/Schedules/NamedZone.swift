package import Core
import FoundationEssentials
// FoundationEssentials alone knows no named zone.
import FoundationInternationalization

/// An IANA time zone by its name.
package struct NamedZone: ZoneOffsets {
    private let zone: TimeZone

    /// `nil` when there is no such zone.
    package init?(_ name: TimeZoneName) {
        guard let zone = TimeZone(identifier: name.name) else { return nil }
        self.zone = zone
    }

    package func offset(at seconds: Int64) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    }
}

import AccessAPI
import Core
import FoundationEssentials
import FoundationInternationalization

/// What a clinic's description must be beyond the shape of its members.
enum ClinicRule {
    /// Throws 422 naming every member that is wrong.
    static func check(_ clinic: Clinic) throws(Problem) {
        var faults: [Problem.Fault] = []
        if !isKnown(clinic.timeZone) { faults.append(.init(pointer: "/timeZone", "is not a known time zone")) }
        if !clinic.country.utf8.allSatisfy(\.isCapitalLetter) || clinic.country.utf8.count != 2 {
            faults.append(.init(pointer: "/country", "is not two capital letters (ISO 3166-1)"))
        }
        if let logo = clinic.branding?.logoUrl, !logo.hasPrefix("https://") {
            faults.append(.init(pointer: "/branding/logoUrl", "does not begin with https://"))
        }
        if let color = clinic.branding?.color,
            color.utf8.first != UInt8(ascii: "#") || [UInt8](hex: color.dropFirst())?.count != 3
        {
            faults.append(.init(pointer: "/branding/color", "is not a colour #rrggbb"))
        }
        if !faults.isEmpty { throw .invalid(faults) }
    }

    /// Whether the time zone data of this process has the zone.
    static func isKnown(_ zone: TimeZoneName) -> Bool { zone.name == "UTC" || TimeZone(identifier: zone.name) != nil }
}

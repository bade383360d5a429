import AuditLog
import Core

/// A second party that cosigns our checkpoints, and so holds us to them.
struct Witness: Hashable, Sendable {
    /// The prefix of its submission URL, without a slash at the end.
    let url: String
    let key: CosignerKey

    /// Reads `POLYCLINIC_AUDIT_WITNESSES`: a URL, a space and a verifier key for each, separated by commas.
    static func list(_ setting: String?) throws(WitnessSettingError) -> [Witness] {
        var witnesses: [Witness] = []
        for item in (setting ?? "").split(separator: ",") {
            let parts = item.split(whereSeparator: \.isWhitespace)
            if parts.isEmpty { continue }
            guard parts.count == 2, parts[0].hasPrefix("https://") || parts[0].hasPrefix("http://"),
                let key = CosignerKey(parts[1])
            else { throw WitnessSettingError(item: String(item)) }
            let url = parts[0].hasSuffix("/") ? parts[0].dropLast() : parts[0]
            witnesses.append(Witness(url: String(url), key: key))
        }
        return witnesses
    }
}

/// An item of the setting that names no witness.
struct WitnessSettingError: Error, CustomStringConvertible {
    let item: String
    var description: String {
        "POLYCLINIC_AUDIT_WITNESSES: “\(item)” is not a URL and a witness's key name+hash+key with a space between"
    }
}

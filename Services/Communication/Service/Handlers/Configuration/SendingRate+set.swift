import CommunicationAPI
import Contracts
import Core

/// Rates that somebody sets, a clinic for itself or operators for the installation's accounts: messages per second, by provider.
extension SendingRate {
    private static let key = "rates"

    /// Those of a configuration's settings, as they were set; `nil` without any.
    static func set(in settings: [String: JSONValue]) -> [String: Double]? {
        guard case .object(let rates) = settings[key] else { return nil }
        return rates.compactMapValues { rate -> Double? in
            switch rate {
            case .number(let number): return number
            case .integer(let number): return Double(number)
            default: return nil
            }
        }
    }

    /// As a configuration's settings keep them.
    static func settings(_ rates: [String: Double]?) -> [String: JSONValue] {
        guard let rates else { return [:] }
        return [key: .object(rates.mapValues { .number($0) })]
    }

    /// Providers that are none, and numbers out of bounds.
    static func faults(
        _ rates: [String: Double]?,
        at pointer: String,
        _ providers: MessageProviders
    ) -> [Problem.Fault] {
        var faults: [Problem.Fault] = []
        for (name, rate) in (rates ?? [:]).sorted(by: { $0.key < $1.key }) {
            let place = "\(pointer)/\(name)"
            if !providers.names.contains(name) {
                let known = providers.names.joined(separator: ", ")
                faults.append(.init(pointer: place, "is not a provider: \(known)"))
            }
            if !allowed.contains(rate) {
                let most = Int(allowed.upperBound)
                faults.append(.init(pointer: place, "must be \(allowed.lowerBound) to \(most)"))
            }
        }
        return faults
    }
}

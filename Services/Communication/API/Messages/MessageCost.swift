package import Contracts
import Core

/// What a provider says that a message cost, or several.
package struct MessageCost: Wire, Hashable {
    /// Millionths of the currency's unit: an SMS costs fractions of a cent.
    package var micros: Int64
    /// ISO 4217.
    package var currency: String

    package init(micros: Int64, currency: String) {
        self.micros = micros
        self.currency = currency
    }

    package static var limits: [Limit] {
        [
            .describe(CodingKeys.micros, "Millionths of the currency's unit."), .length(CodingKeys.currency, 3...3),
            .example(CodingKeys.currency, "USD"),
        ]
    }
}

extension MessageCost {
    /// Reads a price as providers write it, `-0.00750` for what was taken off the account; `nil` for none, for more than six
    /// decimals or for what is no price.
    package init?(price: String?, currency: String?) {
        guard let price, let currency = currency?.uppercased(), currency.utf8.count == 3,
            currency.utf8.allSatisfy(\.isCapitalLetter)
        else { return nil }
        let digits = price.hasPrefix("-") ? price.dropFirst() : price[...]
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? String(parts[1]) : ""
        guard let whole = parts.first, Self.isDigits(whole), whole.utf8.count <= 9, decimals.utf8.count <= 6,
            parts.count == 1 || Self.isDigits(decimals[...]),
            let micros = Int64("\(whole)\(decimals)\(String(repeating: "0", count: 6 - decimals.utf8.count))")
        else { return nil }
        self.init(micros: micros, currency: currency)
    }

    private static func isDigits(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(\.isDigit)
    }
}

import Core

/// Amounts as Stripe counts them (docs.stripe.com/currencies), which is not everywhere as ISO 4217 does.
enum StripeAmount {
    /// Stripe takes up to eight digits.
    static let largest: Int64 = 99_999_999
    /// Counted in hundredths although the currency has none.
    private static let inHundredths: Set<String> = ["ISK", "UGX"]

    /// `nil` for an amount Stripe does not take.
    static func encode(_ money: Money) -> Int64? {
        var amount = money.amount
        if inHundredths.contains(money.currency.code) {
            let (product, overflow) = amount.multipliedReportingOverflow(by: 100)
            guard !overflow else { return nil }
            amount = product
        }
        // The last of three decimals must be zero.
        if money.currency.exponent == 3, amount % 10 != 0 { return nil }
        return (1...largest).contains(amount) ? amount : nil
    }

    /// The amount in minor units; hundredths that should not be there are kept visible by a value that fits nothing.
    static func decode(_ amount: Int64, _ currency: Currency) -> Int64 {
        guard inHundredths.contains(currency.code) else { return amount }
        return amount % 100 == 0 ? amount / 100 : -1
    }
}

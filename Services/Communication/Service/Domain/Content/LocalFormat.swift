import Core

/// How a language writes days and amounts; one that is not known here gets forms that nobody misreads.
struct LocalFormat: Sendable {
    private static let months: [String: [String]] = [
        "en": [
            "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December",
        ],
        "de": [
            "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
            "Dezember",
        ],
        "hi": [
            "जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर",
        ],
    ]

    private let locale: String
    private let language: String

    /// - Parameter locale: a canonical tag, such as `de-AT`.
    init(_ locale: String) {
        self.locale = locale
        language = String(locale.prefix { $0 != "-" })
    }

    /// `21 October 2026`, `October 21, 2026`, `21. Oktober 2026`; `2026-10-21` elsewhere.
    func date(_ date: CalendarDate) -> String {
        guard let month = Self.months[language]?[date.month - 1] else { return date.description }
        if locale == "en-US" { return "\(month) \(date.day), \(date.year)" }
        return "\(date.day)\(language == "de" ? "." : "") \(month) \(date.year)"
    }

    /// `EUR 1,500.00`, `1.500,00 EUR`, `INR 1,50,000.00`, with as many decimals as the currency has.
    ///
    /// The currency is its code, since signs stand for several currencies.
    func money(_ money: Money) -> String {
        let exponent = money.currency.exponent
        let unit = (0..<exponent).reduce(UInt64(1)) { factor, _ in factor * 10 }
        let (whole, part) = money.amount.magnitude.quotientAndRemainder(dividingBy: unit)
        let (separator, point) = language == "de" ? (".", ",") : (",", ".")
        var number = Self.grouped(String(whole), by: separator, indian: language == "hi" || locale == "en-IN")
        if exponent > 0 { number += point + padded(Int(part), exponent) }
        if money.amount < 0 { number = "-" + number }
        return language == "de" ? "\(number) \(money.currency.code)" : "\(money.currency.code) \(number)"
    }

    /// Groups of three; in India those before the last have two digits.
    private static func grouped(_ digits: String, by separator: String, indian: Bool) -> String {
        var groups: [Substring] = []
        var rest = Substring(digits)
        var size = 3
        while rest.count > size {
            groups.append(rest.suffix(size))
            rest = rest.dropLast(size)
            if indian { size = 2 }
        }
        return ([rest] + groups.reversed()).joined(separator: separator)
    }
}

import Core

/// Where one telephone has numbers of several forms, and who writes from it may be told of under another than it was written to.
///
/// - Mexico: WhatsApp puts a 1 before mobile numbers, which were dialled so from abroad until 2020 (`+52 1 55…`).
/// - Argentina: from abroad a 9 stands before mobile numbers (`+54 9 11…`); at home it does not, and a 15 stands behind the area
///   code. No mobile number is that of a line without its 9.
/// - Brazil: mobile numbers got a ninth digit, a 9 before the eight they had; WhatsApp calls many by the eight. Those began with 6
///   to 9, as no number of a line does.
///
/// Everything that is kept of a number is found by `sought`, on whichever channel; what is called is the number as it was given.
extension PhoneNumber {
    private static let (mexico, argentina, brazil) = ("+52", "+54", "+55")
    /// Digits behind the country's code, as numbers are written today.
    private static let (mexican, argentine, brazilian) = (10, 11, 11)
    /// In Brazil.
    private static let areaDigits = 2

    /// The form by which a number is found again, however it was written: as its country has it called from abroad today.
    var sought: String {
        if let digits = digits(in: Self.mexico), digits.count == Self.mexican + 1, digits.first == "1" {
            return Self.mexico + digits.dropFirst()
        }
        if let digits = digits(in: Self.argentina), let mobile = Self.argentine(digits) {
            return Self.argentina + mobile
        }
        if let digits = digits(in: Self.brazil), digits.count == Self.brazilian - 1,
            Self.mayBeMobile(digits.dropFirst(Self.areaDigits))
        {
            return Self.brazil + digits.prefix(Self.areaDigits) + "9" + digits.dropFirst(Self.areaDigits)
        }
        return number
    }

    /// The other forms in which the same number may have been written.
    var otherForms: [String] {
        let form = sought
        var others = form == number ? [] : [number]
        if let other = PhoneNumber(form)?.former, !others.contains(other) { others.append(other) }
        return others
    }

    /// What a number in the form that is sought was before, or is called by some.
    private var former: String? {
        if let digits = digits(in: Self.mexico), digits.count == Self.mexican { return Self.mexico + "1" + digits }
        if let digits = digits(in: Self.argentina), digits.count == Self.argentine, digits.first == "9" {
            return Self.argentina + digits.dropFirst()
        }
        if let digits = digits(in: Self.brazil), digits.count == Self.brazilian {
            let (area, own) = (digits.prefix(Self.areaDigits), digits.dropFirst(Self.areaDigits))
            return own.first == "9" && Self.mayBeMobile(own.dropFirst()) ? Self.brazil + area + own.dropFirst() : nil
        }
        return nil
    }

    /// What stands behind a country's code; `nil` of other countries' numbers.
    private func digits(in country: String) -> Substring? {
        number.hasPrefix(country) ? number.dropFirst(country.count) : nil
    }

    /// An Argentine number with its 9; `nil` for one that is written so, or is none.
    private static func argentine(_ digits: Substring) -> String? {
        // Area codes begin with 11, 2 or 3.
        guard let first = digits.first, ("1"..."3").contains(first) else { return nil }
        if digits.count == argentine - 1 { return "9\(digits)" }
        guard digits.count == argentine + 1 else { return nil }
        // Of two, three or four digits; a 15 can stand behind one of them only.
        for area in digits.hasPrefix("11") ? 2...2 : 3...4 where digits.dropFirst(area).hasPrefix("15") {
            return "9\(digits.prefix(area))\(digits.dropFirst(area + 2))"
        }
        return nil
    }

    /// Whether eight digits are those of a Brazilian mobile telephone.
    private static func mayBeMobile(_ digits: Substring) -> Bool {
        digits.first.map { ("6"..."9").contains($0) } ?? false
    }
}

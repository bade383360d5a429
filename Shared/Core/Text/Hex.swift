extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    package var hex: String {
        var text = ""
        for byte in self {
            let digits = String(byte, radix: 16)
            if digits.utf8.count == 1 { text += "0" }
            text += digits
        }
        return text
    }
}

extension Array<UInt8> {
    /// Reads hexadecimal digits of either case; `nil` for an odd count or another character.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        self = []
        reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index].hexValue, let low = digits[index + 1].hexValue else { return nil }
            append(high << 4 | low)
        }
    }
}

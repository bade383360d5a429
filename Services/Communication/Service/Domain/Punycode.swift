/// Labels of domain names whose letters are written as ASCII (RFC 3492): `xn--bcher-kva` is `bücher`.
enum Punycode {
    static let prefix = "xn--"

    private static let (base, least, most, skew, damp) = (36, 1, 26, 38, 700)
    private static let (firstBias, firstScalar) = (72, 128)
    /// No label of a name leads further; it keeps numbers small.
    private static let bound = 0x11_0000 * 64

    /// What a label says; `nil` for one that is written as it is, or badly.
    static func decode(_ label: some StringProtocol) -> String? {
        guard label.lowercased().hasPrefix(prefix), label.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let text = Array(label.utf8.dropFirst(prefix.utf8.count))
        let hyphen = text.lastIndex(of: UInt8(ascii: "-"))
        var scalars = text[..<(hyphen ?? 0)].map { Unicode.Scalar($0) }
        var digits = text[(hyphen.map { $0 + 1 } ?? 0)...].makeIterator()
        var (place, bias, scalar) = (0, firstBias, firstScalar)
        while let first = digits.next() {
            let before = place
            var (weight, threshold, digit) = (1, base, first)
            while true {
                guard let value = value(of: digit) else { return nil }
                place += value * weight
                let edge = min(max(threshold - bias, least), most)
                if value < edge { break }
                weight *= base - edge
                threshold += base
                guard place < bound, weight < bound, let next = digits.next() else { return nil }
                digit = next
            }
            let count = scalars.count + 1
            bias = adapted(place - before, count, isFirst: before == 0)
            scalar += place / count
            place %= count
            guard scalar < bound, let found = UInt32(exactly: scalar).flatMap({ Unicode.Scalar($0) }) else {
                return nil
            }
            scalars.insert(found, at: place)
            place += 1
        }
        return String(String.UnicodeScalarView(scalars))
    }

    private static func value(of digit: UInt8) -> Int? {
        switch digit {
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(digit - UInt8(ascii: "a"))
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(digit - UInt8(ascii: "0")) + 26
        default: nil
        }
    }

    private static func adapted(_ distance: Int, _ count: Int, isFirst: Bool) -> Int {
        var distance = isFirst ? distance / damp : distance / 2
        distance += distance / count
        var steps = 0
        while distance > (base - least) * most / 2 {
            distance /= base - least
            steps += base
        }
        return steps + (base - least + 1) * distance / (distance + skew)
    }
}

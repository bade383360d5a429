import Core

/// How bytes travel through mail (RFC 2045 §6.7, §6.8); what is damaged on the way is read as far as it goes.
enum TransferEncoding {
    /// Characters that are none of base64's are passed over.
    static func base64(_ text: some Sequence<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.underestimatedCount / 4 * 3)
        var word: UInt32 = 0
        var count = 0
        for character in text {
            if character == UInt8(ascii: "=") { break }
            guard let value = value(of: character) else { continue }
            word = word << 6 | value
            count += 1
            if count == 4 {
                bytes.append(UInt8(truncatingIfNeeded: word >> 16))
                bytes.append(UInt8(truncatingIfNeeded: word >> 8))
                bytes.append(UInt8(truncatingIfNeeded: word))
                (word, count) = (0, 0)
            }
        }
        if count == 3 {
            bytes += [UInt8(truncatingIfNeeded: word >> 10), UInt8(truncatingIfNeeded: word >> 2)]
        } else if count == 2 {
            bytes.append(UInt8(truncatingIfNeeded: word >> 4))
        }
        return bytes
    }

    static func quotedPrintable(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var lines = MailLines(text)
        while let line = lines.next() {
            // Blanks at a line's end were added on the way.
            var content = line.content
            while let last = content.last, last == 0x20 || last == 0x09 { content.removeLast() }
            let goesOn = content.last == UInt8(ascii: "=")
            escapes(goesOn ? content.dropLast() : content, into: &bytes)
            let hadBreak = line.content.endIndex < lines.remaining.startIndex
            if !goesOn, hadBreak { bytes.append(0x0A) }
        }
        return bytes
    }

    /// Quoted-printable as encoded words have it: an underscore is a blank.
    static func quotedWord(_ text: some Sequence<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        escapes(text.map { $0 == UInt8(ascii: "_") ? 0x20 : $0 }[...], into: &bytes)
        return bytes
    }

    /// `%41` is a byte; what is no such thing stands for itself.
    static func percent(_ text: some StringProtocol) -> [UInt8] {
        var bytes: [UInt8] = []
        escapes(Array(text.utf8)[...], mark: UInt8(ascii: "%"), into: &bytes)
        return bytes
    }

    private static func escapes(
        _ text: ArraySlice<UInt8>,
        mark: UInt8 = UInt8(ascii: "="),
        into bytes: inout [UInt8]
    ) {
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == mark, index + 2 < text.endIndex, let high = text[index + 1].hexValue,
                let low = text[index + 2].hexValue
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(text[index])
                index += 1
            }
        }
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

/// The character sets that mail is read in; what is written in another is read as UTF-8, as well as it goes.
enum MailCharset {
    /// What Windows has where ISO 8859-1 has control characters; U+FFFD where it has nothing.
    private static let windows: [UInt32] = [
        0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD,
        0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0xFFFD, 0x017E, 0x0178,
    ]
    /// Where ISO 8859-15 differs from ISO 8859-1.
    private static let euro: [UInt8: UInt32] = [
        0xA4: 0x20AC, 0xA6: 0x0160, 0xA8: 0x0161, 0xB4: 0x017D, 0xB8: 0x017E, 0xBC: 0x0152, 0xBD: 0x0153, 0xBE: 0x0178,
    ]

    static func decode(_ bytes: ArraySlice<UInt8>, _ charset: String?) -> String {
        switch (charset ?? "").lowercased() {
        case "iso-8859-1", "iso8859-1", "iso_8859-1", "latin1", "latin-1": scalars(bytes) { UInt32($0) }
        case "iso-8859-15", "iso8859-15", "latin9", "latin-9": scalars(bytes) { euro[$0] ?? UInt32($0) }
        case "windows-1252", "cp1252":
            scalars(bytes) { (0x80...0x9F).contains($0) ? windows[Int($0) - 0x80] : UInt32($0) }
        default: String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func scalars(_ bytes: ArraySlice<UInt8>, _ scalar: (UInt8) -> UInt32) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(scalar(byte)) ?? "\u{FFFD}") }
        return String(text)
    }
}

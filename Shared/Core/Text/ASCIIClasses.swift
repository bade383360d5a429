/// The classes of ASCII characters that formats are made of, asked of one byte of UTF-8.
extension UInt8 {
    /// `0`…`9`.
    package var isDigit: Bool { self &- 48 < 10 }
    /// `A`…`Z` or `a`…`z`.
    package var isLetter: Bool { (self | 0x20) &- 97 < 26 }
    package var isLetterOrDigit: Bool { isDigit || isLetter }
    /// `a`…`z`.
    package var isSmallLetter: Bool { self &- 97 < 26 }
    /// `A`…`Z`.
    package var isCapitalLetter: Bool { self &- 65 < 26 }
}

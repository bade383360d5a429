/// Quoted-printable (RFC 2045 §6.7) of a text in UTF-8; any line break becomes CR LF.
enum QuotedPrintable {
    private static let lineLength = 76

    static func encode(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var line = 0
        var index = 0
        func isBreak(_ position: Int) -> Bool {
            position >= bytes.count || bytes[position] == UInt8(ascii: "\n")
                || (bytes[position] == UInt8(ascii: "\r") && position + 1 < bytes.count
                    && bytes[position + 1] == UInt8(ascii: "\n"))
        }
        while index < bytes.count {
            let byte = bytes[index]
            if isBreak(index) {
                index += byte == UInt8(ascii: "\r") ? 2 : 1
                result += "\r\n".utf8
                line = 0
                continue
            }
            let isBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
            let isPlain = (33...126).contains(byte) && byte != UInt8(ascii: "=")
            // A blank before a line's end would be lost on the way.
            let piece = isPlain || (isBlank && !isBreak(index + 1)) ? [byte] : escaped(byte)
            if line + piece.count > lineLength - 1 {
                result += "=\r\n".utf8
                line = 0
            }
            result += piece
            line += piece.count
            index += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func escaped(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
    }
}

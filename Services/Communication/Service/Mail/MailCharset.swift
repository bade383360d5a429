/// The character sets that mail is read in; what is written in another is read as UTF-8, as well as it goes.
enum MailCharset {
    /// - Parameter charset: its name, however it is spelt (`KOI8-R`, `iso_8859-2`); `nil` where none is given.
    static func decode(_ bytes: ArraySlice<UInt8>, _ charset: String?) -> String {
        let name = (charset ?? "").lowercased().filter { $0.isLetter || $0.isNumber }
        return SingleByteCharset.named[name]?.decode(bytes) ?? String(decoding: bytes, as: UTF8.self)
    }
}

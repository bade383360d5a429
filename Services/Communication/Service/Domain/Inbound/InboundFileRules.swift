/// Which files that strangers send are kept: kinds that nothing runs, and not too large.
enum InboundFileRules {
    /// The largest file that is fetched from who holds it, in bytes; as large as WhatsApp lets pictures be.
    static let largest = 5 * 1_024 * 1_024

    /// What the files that came inside one message may have together, in bytes; mail servers let no more through.
    static let mostBytes = 25 * 1_024 * 1_024
    /// What programs call a file whose kind they do not know.
    private static let unknown: Set<String> = ["application/octet-stream", "application/x-download"]

    private static let heard: Set<String> = ["image/heic", "text/vcard", "text/x-vcard"]
    private static let types = Set(AttachmentRules.kinds.map(\.type)).union(heard)

    /// Letters of many languages are joined or parted by these, and nothing else of a name is.
    private static let joiners: Set<Unicode.Scalar> = ["\u{200C}", "\u{200D}"]

    /// What a file is called that somebody may put on a disk: the last part of a path, which hides from nobody and reads as it is
    /// written; `nil` where nothing is left.
    static func name(_ given: String) -> String? {
        let last = given.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last ?? ""
        let seen = last.unicodeScalars.filter { joiners.contains($0) || !AttachmentRules.isInvisible($0) }
        var name = String(String.UnicodeScalarView(seen)).drop { $0 == "." || $0 == " " }
        while name.last == " " { name.removeLast() }
        return name.isEmpty ? nil : String(name)
    }

    /// The kind without its parameters; `nil` for one that is not kept.
    static func type(_ declared: String?) -> String? {
        let type = declared?.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        return type.flatMap { types.contains($0) ? $0 : nil }
    }

    /// Whether a file begins as files of its kind do, where they all begin so.
    static func isOf(_ type: String, _ bytes: [UInt8]) -> Bool {
        AttachmentRules.kinds.first { $0.type == type }?.admits(bytes) ?? true
    }

    /// What becomes of a file that came inside its message.
    ///
    /// - Parameter room: bytes that the message's files may still have.
    static func judge(_ bytes: [UInt8], _ media: InboundText.Media, room: Int) -> FetchedFile {
        guard bytes.count <= room else { return .refused("too_large") }
        guard let type = type(media.type) ?? type(named: media), isOf(type, bytes) else {
            return .refused("type_not_kept")
        }
        return .kept(bytes: bytes, type: type)
    }

    /// The kind that an ending stands for whose sender knew none, where what is in the file has to show it.
    private static func type(named media: InboundText.Media) -> String? {
        guard let declared = media.type, unknown.contains(declared),
            let ending = media.filename?.split(separator: ".").last?.lowercased()
        else { return nil }
        return AttachmentRules.kinds.first { $0.endings.contains(ending) && !$0.beginnings.isEmpty }?.type
    }
}

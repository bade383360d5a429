/// Which files that strangers send are kept: kinds that nothing runs, and not too large.
enum InboundFileRules {
    /// The largest file that is kept, in bytes; as large as WhatsApp lets pictures be.
    static let largest = 5 * 1_024 * 1_024

    private static let heard: Set<String> = [
        "audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "image/heic", "text/vcard", "text/x-vcard",
        "video/3gpp", "video/mp4",
    ]
    private static let types = Set(AttachmentRules.kinds.map(\.type)).union(heard)

    /// The kind without its parameters; `nil` for one that is not kept.
    static func type(_ declared: String?) -> String? {
        let type = declared?.prefix { $0 != ";" }.lowercased().filter { !$0.isWhitespace }
        return type.flatMap { types.contains($0) ? $0 : nil }
    }

    /// Whether a file begins as files of its kind do, where they all begin so.
    static func isOf(_ type: String, _ bytes: [UInt8]) -> Bool {
        let beginnings = AttachmentRules.kinds.first { $0.type == type }?.beginnings ?? []
        return beginnings.isEmpty || beginnings.contains { bytes.starts(with: $0) }
    }
}

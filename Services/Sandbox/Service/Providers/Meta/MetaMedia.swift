import Core

/// Which files WhatsApp takes, and how large they may be (developers.facebook.com/docs/whatsapp/cloud-api/reference/media).
enum MetaMedia {
    private static let documents: Set<String> = [
        "text/plain", "text/csv", "text/calendar", "application/pdf", "application/msword", "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint", "image/gif", "image/webp",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ]
    private static let images: Set<String> = ["image/jpeg", "image/png"]
    private static let sounds: Set<String> = ["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"]
    private static let films: Set<String> = ["video/mp4", "video/3gpp"]
    private static let largest = 100 << 20

    static func check(_ type: String, size: Int) throws(MetaError) {
        guard documents.union(images).union(sounds).union(films).contains(bare(type)) else {
            throw MetaError(400, 100, "(#100) Param file must be a file with one of the supported types, not \(type).")
        }
        guard (1...largest).contains(size) else { throw MetaError(400, 100, "(#100) The file is too large.") }
    }

    private static func bare(_ type: String) -> String {
        type.prefix { $0 != ";" }.filter { $0 != " " }
    }

    /// What is wrong with a file as a kind of message; told after the message was taken.
    static func fault(_ file: ReceivedFile, as kind: String) -> MetaError? {
        let (types, most): (Set<String>, Int) =
            switch kind {
            case "image": (images, 5 << 20)
            case "audio": (sounds, 16 << 20)
            case "video": (films, 16 << 20)
            default: (documents.union(images).union(sounds).union(films), largest)
            }
        // Of Ogg only what is said to hold Opus is played.
        let isPlayed = kind != "audio" || bare(file.type) != "audio/ogg" || file.type.contains("codecs=opus")
        if types.contains(bare(file.type)), isPlayed, file.bytes.count <= most { return nil }
        return MetaError(
            400,
            131_053,
            "Media upload error",
            details: "\(file.type) of \(file.bytes.count) bytes is not supported as \(kind)"
        )
    }
}

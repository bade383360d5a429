import CommunicationAPI

/// How networks cut a text: 160 characters of the GSM alphabet or 70 of any script in one message, fewer in each of several.
struct SMSSegments: Sendable, Hashable {
    private static let basic = Set(
        """
        @£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
        abcdefghijklmnopqrstuvwxyzäöñüà
        """.unicodeScalars
    )
    /// Each is sent as two, and never cut between them.
    private static let extended = Set("\u{0C}^{}\\[~]|€".unicodeScalars)

    let encoding: SMSEncoding
    /// Unicode scalars.
    let characters: Int
    let segments: Int

    init(_ text: String) {
        let scalars = text.unicodeScalars
        let isGSM = scalars.allSatisfy { Self.basic.contains($0) || Self.extended.contains($0) }
        encoding = isGSM ? .gsm7 : .ucs2
        characters = scalars.count
        let sizes = scalars.map { scalar in
            isGSM ? (Self.extended.contains(scalar) ? 2 : 1) : (scalar.value > 0xFFFF ? 2 : 1)
        }
        segments = Self.count(sizes, alone: isGSM ? 160 : 70, each: isGSM ? 153 : 67)
    }

    /// How it is shown.
    var measure: SMSMeasure { SMSMeasure(encoding: encoding, characters: characters, segments: segments) }

    private static func count(_ sizes: [Int], alone: Int, each: Int) -> Int {
        guard sizes.reduce(0, +) > alone else { return sizes.isEmpty ? 0 : 1 }
        var (segments, room) = (1, each)
        for size in sizes {
            if size > room {
                segments += 1
                room = each
            }
            room -= size
        }
        return segments
    }
}

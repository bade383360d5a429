import Core

/// A question for a name's TXT records and what was answered, as RFC 1035 has them on the wire.
struct DNSMessage: Sendable, Equatable {
    /// An answer's longest, in bytes: what fits into a TCP message.
    static let longest = 65_535
    /// What fits into a datagram that no network cuts (RFC 6891).
    static let datagram = 1_232
    static let mostAnswers = 200
    private static let (text, class_, options): (UInt16, UInt16, UInt16) = (16, 1, 41)

    let id: UInt16
    /// The answer did not fit; over TCP it will.
    let isCut: Bool
    /// 0 for none, 3 for a name that does not exist.
    let code: UInt8
    /// Each record's strings, put together.
    let texts: [[UInt8]]

    /// The question; `nil` for what is no name.
    static func question(_ name: String, id: UInt16) -> [UInt8]? {
        guard let labels = labels(of: name) else { return nil }
        var bytes: [UInt8] = []
        // Recursion is wanted; one question, and one record about what we can take.
        for word in [id, 0x0100, 1, 0, 0, 1] { append(word, to: &bytes) }
        bytes += labels
        append(text, to: &bytes)
        append(class_, to: &bytes)
        bytes.append(0)
        append(options, to: &bytes)
        append(UInt16(datagram), to: &bytes)
        return bytes + [UInt8](repeating: 0, count: 6)
    }

    /// The name's labels with their lengths, and the root's at the end.
    static func labels(of name: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            let isLabel = label.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isLabel, (1...63).contains(label.utf8.count) else { return nil }
            bytes.append(UInt8(label.utf8.count))
            bytes += Array(label.utf8)
        }
        return bytes.count <= 254 ? bytes + [0] : nil
    }

    /// Reads an answer; `nil` for what is none to this question.
    init?(_ bytes: [UInt8], to question: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard let id = reader.word(), let flags = reader.word(), let questions = reader.word(),
            let answers = reader.word(), reader.skip(4), flags & 0x8000 != 0, questions == 1,
            Self.asks(bytes, what: question), reader.name(), reader.skip(4)
        else { return nil }
        self.id = id
        isCut = flags & 0x0200 != 0
        code = UInt8(flags & 0x000F)
        var texts: [[UInt8]] = []
        for _ in 0..<min(Int(answers), Self.mostAnswers) {
            guard reader.name(), let type = reader.word(), reader.skip(6), let length = reader.word(),
                let data = reader.bytes(Int(length))
            else {
                // What is cut may end anywhere.
                guard flags & 0x0200 != 0 else { return nil }
                break
            }
            if type == Self.text, let joined = Self.joined(data) { texts.append(joined) }
        }
        self.texts = texts
    }

    /// Whether an answer repeats the question's id and name, whatever the case of its letters.
    private static func asks(_ answer: [UInt8], what question: [UInt8]) -> Bool {
        guard let end = question[12...].firstIndex(of: 0), answer.count >= end + 5, question.count >= end + 5 else {
            return false
        }
        func folded(_ byte: UInt8) -> UInt8 { byte.isCapitalLetter ? byte + 32 : byte }
        return answer[0..<2] == question[0..<2]
            && zip(answer[12..<end + 5], question[12..<end + 5]).allSatisfy { folded($0) == folded($1) }
    }

    private static func joined(_ data: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = data
        var joined: [UInt8] = []
        while let length = rest.popFirst() {
            guard rest.count >= Int(length) else { return nil }
            joined += rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
        }
        return joined
    }

    private static func append(_ word: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(word >> 8))
        bytes.append(UInt8(truncatingIfNeeded: word))
    }

    private struct Reader {
        let bytes: [UInt8]
        var place = 0

        mutating func word() -> UInt16? {
            guard place + 2 <= bytes.count else { return nil }
            defer { place += 2 }
            return UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
        }

        mutating func skip(_ count: Int) -> Bool {
            guard place + count <= bytes.count else { return false }
            place += count
            return true
        }

        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard place + count <= bytes.count else { return nil }
            defer { place += count }
            return bytes[place..<place + count]
        }

        /// Steps over a name; where it goes on elsewhere does not matter.
        mutating func name() -> Bool {
            while place < bytes.count {
                let length = bytes[place]
                if length == 0 { return skip(1) }
                if length & 0xC0 == 0xC0 { return skip(2) }
                guard length & 0xC0 == 0, skip(1 + Int(length)) else { return false }
            }
            return false
        }
    }
}

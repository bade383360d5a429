import Core

/// Letters and digits for ids and secrets.
enum RandomText {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)

    static func make(_ length: Int) -> String {
        String(decoding: RandomBytes.make(length).map { letters[Int($0) % letters.count] }, as: UTF8.self)
    }
}

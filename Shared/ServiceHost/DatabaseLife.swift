import Core

/// What a database shows of itself, by which one that goes on is told from one that was restored.
struct DatabaseLife: Hashable, Sendable {
    /// What Redis holds of it.
    struct Copy: Hashable, Sendable {
        var server: String
        var beat: Int64

        init(server: String, beat: Int64) {
            self.server = server
            self.beat = beat
        }

        /// `nil` for what is no copy.
        init?(_ text: String) {
            let parts = text.split(separator: " ")
            guard parts.count == 2, let beat = Int64(parts[1]) else { return nil }
            self.init(server: String(parts[0]), beat: beat)
        }

        var text: String { "\(server) \(beat)" }
    }

    enum Verdict: String, Hashable, Sendable {
        /// It has never been worked with.
        case new
        /// It may know less than it did.
        case restored
        case goesOn = "goes_on"
    }

    var isNew: Bool
    var beat: Int64
    /// Whether the row was written here, rather than copied.
    var isWrittenHere: Bool
    /// Where the row was written.
    var server: String

    /// - Parameters:
    ///   - server: where the row stands now.
    ///   - copy: what Redis held before the row was read; `nil` when it has forgotten, which says nothing.
    func verdict(on server: String, copy: Copy?) -> Verdict {
        if isNew { return .new }
        if !isWrittenHere || self.server != server { return .restored }
        if let copy, copy.server == server, copy.beat > beat { return .restored }
        return .goesOn
    }
}

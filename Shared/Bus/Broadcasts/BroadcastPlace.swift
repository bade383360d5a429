import Core
import Redis

/// How far a listener has heard a topic, and in which life of its stream.
struct BroadcastPlace: Sendable {
    struct Gap: Error {}

    /// The last entry heard.
    var id: EntryID
    /// The stream's first entry when the place was last looked at; another one, unless the old has aged out, is another
    /// stream under the same name.
    var first: EntryID
    var heard = ContinuousClock.now
    /// The last version heard, by writer.
    private var versions: [String: Int64] = [:]

    init(id: EntryID, first: EntryID) {
        self.id = id
        self.first = first
    }

    /// Notes a version; throws when one is missing before it.
    mutating func see(_ version: Int64, of writer: String) throws(Gap) {
        if let last = versions[writer] {
            if version > last + 1 { throw Gap() }
            if version <= last { return }
        }
        versions[writer] = version
    }

    /// Whether entries may have gone unheard, given the stream as it is now.
    func isLost(first now: EntryID, last: EntryID, at time: Instant) -> Bool {
        if last < id { return true }
        if ContinuousClock.now - heard > BroadcastPublisher.kept / 2 { return true }
        let agedOut = UInt64(max(0, (time - BroadcastPublisher.kept / 2).milliseconds))
        return now != first && first != .zero && first.milliseconds > agedOut
    }
}

extension BroadcastListener {
    /// Looks no more than once per read: the extra question costs less than the read itself.
    func isLost(_ place: BroadcastPlace) async throws(RedisError) -> Bool {
        let now = try await currentPlace()
        return place.isLost(first: now.first, last: now.id, at: .now())
    }

    /// The end of the stream as it is now; zero while there is none.
    func currentPlace() async throws(RedisError) -> BroadcastPlace {
        do {
            let info = try await redis.send(["XINFO", "STREAM", .text(stream)]).fields
            let last = info["last-generated-id"]?.string.flatMap { EntryID($0) } ?? .zero
            let first = info["recorded-first-entry-id"]?.string.flatMap { EntryID($0) } ?? .zero
            return BroadcastPlace(id: last, first: first)
        } catch  where error.code == .server("ERR") {
            return BroadcastPlace(id: .zero, first: .zero)
        }
    }
}

import Contracts
import Core
import Outbound
import Synchronization

/// The ids of the contents by which Twilio offers something to press, by account and shape.
///
/// The account itself remembers them: a process looks for one by its name before it makes it, once for all who wait.
final class TwilioContents: Sendable {
    /// Ids that are kept at once.
    static let capacity = 10_000
    /// Looking for one and making it take no longer together.
    static let callTime: Duration = .seconds(8)
    /// Whoever got none is not asked again for so long.
    static let pause: Duration = .seconds(60)
    /// Contents of an account that are looked through, and on how many pages.
    static let pageSize = 500
    static let mostPages = 10

    private struct Place: Hashable {
        let account: String
        let shape: TwilioChoices.Shape
    }

    private enum Entry {
        case known(String)
        case refused(until: Instant)
        case asking(Task<String?, Never>)
    }

    private let entries = Mutex<[Place: Entry]>([:])

    /// The content of a shape in an account; `nil` when the account has none and makes none now.
    func sid(of shape: TwilioChoices.Shape, in messages: TwilioMessages) async -> String? {
        let place = Place(account: messages.place, shape: shape)
        let task: Task<String?, Never>
        switch begin(place, messages) {
        case .known(let sid): return sid
        case .refused: return nil
        case .asking(let running): task = running
        }
        let sid = await task.value
        entries.withLock { entries in
            guard case .asking(let running) = entries[place], running == task else { return }
            entries[place] = sid.map { Entry.known($0) } ?? .refused(until: .now() + Self.pause)
        }
        return sid
    }

    /// Drops an id that a message with it was refused for: somebody may have removed the content.
    func forget(_ shape: TwilioChoices.Shape, in messages: TwilioMessages) {
        let place = Place(account: messages.place, shape: shape)
        entries.withLock { $0[place] = .refused(until: .now() + Self.pause) }
    }

    private func begin(_ place: Place, _ messages: TwilioMessages) -> Entry {
        let now = Instant.now()
        return entries.withLock { entries in
            switch entries[place] {
            case .known(let sid): return .known(sid)
            case .refused(let until) where until > now: return .refused(until: until)
            case .asking(let task): return .asking(task)
            case .refused, nil:
                // A task of its own, because none of those who wait may cancel it for the others.
                let task = Task { await Self.findOrMake(place.shape, messages) }
                if entries.count >= Self.capacity, let any = entries.keys.first { entries[any] = nil }
                entries[place] = .asking(task)
                return .asking(task)
            }
        }
    }

    private static func findOrMake(_ shape: TwilioChoices.Shape, _ messages: TwilioMessages) async -> String? {
        let deadline = Deadline.after(callTime)
        switch await messages.content(named: shape.name, deadline: deadline) {
        case .found(let sid): return sid
        case .absent: return await messages.make(shape.content, deadline: deadline)
        case .unknown: return nil
        }
    }
}

extension TwilioMessages {
    /// What an account says of a content.
    enum ContentAnswer: Sendable, Equatable {
        case found(String)
        case absent
        /// It did not say, so that one more might be one too many.
        case unknown
    }

    /// Looks for a content by its name.
    func content(named name: String, deadline: Deadline) async -> ContentAnswer {
        var path = "/v1/Content?PageSize=\(TwilioContents.pageSize)"
        for _ in 0..<TwilioContents.mostPages {
            guard let answer = await contents("GET", path, deadline: deadline), answer.status == 200,
                case .array(let items) = answer.json["contents"]
            else { return .unknown }
            let found = items.lazy.filter { $0["friendly_name"]?.string == name }.compactMap { $0["sid"]?.string }
            if let sid = found.first(where: { Self.isSID($0, "HX") }) { return .found(sid) }
            // Only what stands behind the host is taken from it.
            guard let next = answer.json["meta"]?["next_page_url"]?.string,
                let start = next.firstRange(of: "/v1/Content?")
            else { return .absent }
            path = String(next[start.lowerBound...])
        }
        return .absent
    }

    /// Makes a content; `nil` when the account does not.
    func make(_ content: JSONValue, deadline: Deadline) async -> String? {
        guard let answer = await contents("POST", "/v1/Content", content, deadline: deadline),
            (200...299).contains(answer.status), let sid = answer.json["sid"]?.string, Self.isSID(sid, "HX")
        else { return nil }
        return sid
    }
}

import Core
import Outbound
import Synchronization

/// The certificates that SNS signs with, fetched once from where it publishes them.
final class SNSCertificates: Sendable {
    static let most = 200
    /// A certificate is fetched anew after this, though it should not change under its address.
    static let keptFor: Duration = .seconds(86_400)
    /// So long nobody asks again for one that was not there.
    static let absentFor: Duration = .seconds(60)
    static let callTime: Duration = .seconds(5)
    /// In bytes.
    static let largest = 65_536

    private struct Entry {
        /// What was found; `nil` when there is no certificate of theirs.
        let task: Task<SNSCertificate?, any Error>
        let at: Instant
        var isAbsent = false
    }

    private let http: OutboundHTTP
    private let entries = Mutex<[String: Entry]>([:])

    init(http: OutboundHTTP) { self.http = http }

    /// The certificate at an address that has been checked; `nil` when there is none.
    ///
    /// Throws when that cannot be found out now.
    func certificate(at url: String, now: Instant) async throws -> SNSCertificate? {
        let task = begin(url, now)
        do {
            let found = try await task.value
            if found == nil { entries.withLock { $0[url]?.isAbsent = true } }
            return found
        } catch {
            entries.withLock { entries in if entries[url]?.task == task { entries[url] = nil } }
            throw error
        }
    }

    private func begin(_ url: String, _ now: Instant) -> Task<SNSCertificate?, any Error> {
        entries.withLock { entries in
            if let entry = entries[url], now - entry.at < (entry.isAbsent ? Self.absentFor : Self.keptFor) {
                return entry.task
            }
            if entries.count >= Self.most, let any = entries.keys.first { entries[any] = nil }
            // One fetch for all who wait: a task of its own, because none of them may cancel it for the others.
            let task = Task { [http] in try await Self.fetch(url, http) }
            entries[url] = Entry(task: task, at: now)
            return task
        }
    }

    private static func fetch(_ url: String, _ http: OutboundHTTP) async throws -> SNSCertificate? {
        let response = try await http.send(
            method: "GET",
            url: url,
            headers: [("User-Agent", ProviderCall.userAgent)],
            deadline: .after(callTime),
            maxResponse: largest
        )
        if response.status == 429 || response.status >= 500 { throw OutboundFailure.lost(.closed) }
        return response.status == 200 ? SNSCertificate(pem: response.body) : nil
    }
}

import Authorization
import Contracts
import Core
import ServiceLifecycle
import Synchronization

/// Puts refused requests of signed-in callers into the audit trail before they are answered.
///
/// The first of a caller, clinic, action and reason in a minute is recorded at once; the others of that minute are
/// counted and become one entry when it is over.
final class DenialRecorder: Service {
    /// Different refusals folded at once; past it each is recorded by itself.
    static let mostFolded = 10_000
    static let fold: Duration = .seconds(60)

    private struct Key: Hashable {
        let actor: String
        let clinic: ClinicID
        let action: String
        let reason: String
    }

    private struct Fold {
        var record: AuditRecord
        var began: Instant
        /// Those that came after the first.
        var repeats = 0
        /// `nil` once the first is recorded; until then whoever else waits for it.
        var waiting: [CheckedContinuation<Bool, Never>]? = []
    }

    private enum Step {
        case recordFirst, recordAlone, recorded
        case wait
    }

    private let send: @Sendable (DenialReport, ClinicID) async throws -> Void
    private let folds = Mutex<[Key: Fold]>([:])

    /// `send` returns once the entries are committed.
    init(send: @escaping @Sendable (DenialReport, ClinicID) async throws -> Void) { self.send = send }

    /// Returns once the refusal is in the trail, or counted with one that is; 503 where that cannot be.
    func record(_ record: AuditRecord) async throws(Problem) {
        let key = Key(
            actor: record.actor.id,
            clinic: record.clinicId,
            action: record.action,
            reason: record.reason ?? ""
        )
        let isRecorded: Bool
        switch step(key, record) {
        case .recorded: isRecorded = true
        case .recordAlone: isRecorded = await commit([record], in: record.clinicId)
        case .recordFirst:
            isRecorded = await commit([record], in: record.clinicId)
            finishFirst(key, isRecorded: isRecorded)
        case .wait: isRecorded = await waitForFirst(key)
        }
        guard isRecorded else { throw .unavailable("The audit trail") }
    }

    /// Writes the counts of minutes that are over, until shutdown, and then all.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                await self.flush(before: .now() - Self.fold)
            }
        }
        await flush(before: .now() + Self.fold)
    }

    func flush(before: Instant) async {
        let due = folds.withLock { folds in
            let due = folds.filter { $0.value.began <= before && $0.value.waiting == nil }
            for key in due.keys { folds[key] = nil }
            return due
        }
        for (key, fold) in due where fold.repeats > 0 {
            var record = fold.record
            record.id = AuditEntryID()
            record.count = fold.repeats
            guard await commit([record], in: key.clinic) == false else { continue }
            // What could not be written is counted on with the next minute's.
            folds.withLock { folds in
                if folds[key] == nil { folds[key] = fold } else { folds[key]?.repeats += fold.repeats }
            }
        }
    }

    private func step(_ key: Key, _ record: AuditRecord) -> Step {
        folds.withLock { folds in
            guard var fold = folds[key], record.at - fold.began < Self.fold else {
                // An old fold with repeats is the flush's; this one is recorded by itself until it is gone.
                if folds[key] != nil || folds.count >= Self.mostFolded { return .recordAlone }
                folds[key] = Fold(record: record, began: record.at)
                return .recordFirst
            }
            guard fold.waiting == nil else { return .wait }
            fold.repeats += 1
            fold.record = record
            folds[key] = fold
            return .recorded
        }
    }

    private func waitForFirst(_ key: Key) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer: Bool? = folds.withLock { folds in
                guard folds[key] != nil else { return false }
                folds[key]?.repeats += 1
                guard folds[key]?.waiting != nil else { return true }
                folds[key]?.waiting?.append(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private func finishFirst(_ key: Key, isRecorded: Bool) {
        let waiting = folds.withLock { folds in
            let waiting = folds[key]?.waiting ?? []
            folds[key]?.waiting = nil
            // A fold without its first entry would hide the ones after it.
            if !isRecorded { folds[key] = nil }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: isRecorded) }
    }

    private func commit(_ entries: [AuditRecord], in clinic: ClinicID) async -> Bool {
        do {
            try await send(DenialReport(entries: entries), clinic)
            return true
        } catch {
            return false
        }
    }
}

import AuditLog
import Core
import FoundationEssentials
import Glibc
import Synchronization

/// The newest checkpoint of every log, kept outside the database: a file per log to which lines are only ever added.
///
/// Whoever can write the database cannot take back what stands here.
package final class WitnessFolder: Sendable {
    /// How much of a file's end is read to find the newest note.
    private static let tail = 4_096
    private static let separator = "\n\u{0C}\n"

    private let path: String
    /// What this process wrote or read last.
    private let known = Mutex<[ClinicID: String]>([:])

    /// The folder is made with the first note.
    package init(path: String) { self.path = path }

    /// The newest note of a log; `nil` when there is none yet.
    func newest(of clinic: ClinicID) throws(AuditLogFault) -> String? {
        if let note = known.withLock({ $0[clinic] }) { return note }
        let file = unsafe open(location(of: clinic), O_RDONLY | O_CLOEXEC)
        if file < 0 {
            if errno == ENOENT { return nil }
            throw .witness
        }
        defer { close(file) }
        let end = lseek(file, 0, SEEK_END)
        let start = max(0, end - Self.tail)
        var bytes = [UInt8](repeating: 0, count: end - start)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, start) }
        guard count == bytes.count else { throw .witness }
        // What stands behind the last separator was cut off by a crash.
        let notes = String(decoding: bytes, as: UTF8.self).components(separatedBy: Self.separator).dropLast()
        guard let note = notes.last else { return nil }
        known.withLock { $0[clinic] = note }
        return note
    }

    /// Adds a note; it is on the disk when this returns.
    func add(_ note: String, of clinic: ClinicID) throws(AuditLogFault) {
        unsafe mkdir(path, 0o700)
        let file = unsafe open(location(of: clinic), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .witness }
        defer { close(file) }
        let bytes = Array((note + Self.separator).utf8)
        let count = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count, fsync(file) == 0 else { throw .witness }
        known.withLock { $0[clinic] = note }
    }

    private func location(of clinic: ClinicID) -> String {
        path + "/" + (clinic == .installation ? "installation" : clinic.description) + ".checkpoints"
    }
}

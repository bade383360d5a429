import FoundationEssentials
import Glibc

/// A server that an earlier run left behind.
enum StaleProcess {
    private static let patience: Duration = .seconds(15)

    /// Ends the process a pid file names, if it is really a server of this folder; a stale file means nothing.
    static func end(pidFile: String, in folder: String, signal: Int32) throws {
        guard let text = Files.read(pidFile), let first = text.split(separator: "\n").first,
            let pid = Int32(first), isServer(pid, of: folder)
        else { return }
        kill(pid, signal)
        let deadline = ContinuousClock.now + patience
        while isServer(pid, of: folder) {
            guard ContinuousClock.now < deadline else {
                throw LocalServersError("process \(pid) uses \(folder) and does not end")
            }
            usleep(10_000)
        }
    }

    private static func isServer(_ pid: Int32, of folder: String) -> Bool {
        guard pid > 1 else { return false }
        // Both servers make their data folder their working directory.
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) == folder
    }
}

import FoundationEssentials
import Glibc

/// What the kernel knows of this process, under the names Prometheus' own clients use.
enum ProcessMetrics {
    static func exposition() -> String {
        var text = ""
        if let bytes = residentBytes() { text += gauge("process_resident_memory_bytes", String(bytes)) }
        if let count = openFiles() { text += gauge("process_open_fds", String(count)) }
        if let seconds = processorSeconds() {
            text += "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total \(seconds)\n"
        }
        return text
    }

    private static func gauge(_ name: String, _ value: String) -> String { "# TYPE \(name) gauge\n\(name) \(value)\n" }

    private static func residentBytes() -> Int? {
        guard let data = FileManager.default.contents(atPath: "/proc/self/statm") else { return nil }
        let fields = String(decoding: data, as: UTF8.self).split(separator: " ")
        return fields.count > 1 ? Int(fields[1]).map { $0 * sysconf(Int32(_SC_PAGESIZE)) } : nil
    }

    private static func openFiles() -> Int? {
        try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    private static func processorSeconds() -> Double? {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
}

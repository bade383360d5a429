import CGlibc
import Glibc

/// Blocks of so many bytes go back to the system as soon as they are freed.
///
/// Left to itself the allocator keeps up to 64 MiB for each thread, once the process has seen large ones.
private let largeBlock: Int32 = 1 << 20

/// Runs a process to its end: 0 when it ended as asked, 1 and one line on standard error when it could not go on.
///
/// Without it a thrown error would end in a crash dump that says neither what nor where.
package func launch(_ service: String, _ body: () async throws -> Void) async -> Never {
    mallopt(M_MMAP_THRESHOLD, largeBlock)
    do {
        try await body()
        exit(0)
    } catch is CancellationError {
        exit(0)
    } catch {
        let text = "\(error)".replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ")
        let line = #"{"level":"critical","service":"\#(service)","message":"cannot run","error":"\#(text)"}"# + "\n"
        let bytes = Array(line.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(1)
    }
}

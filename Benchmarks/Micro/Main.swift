import Glibc

/// What is measured inside one process: `micro ROW` prints the row's figures as a JSON object.
///
/// Servers come from `POLYCLINIC_TEST_SERVERS`, as for the tests; `bench.py` names those of the suite it started.
@main
enum Micro {
    static let rows: [String: @Sendable () async throws -> [String: Double]] = [
        "permission": PermissionRow.measure,
        "config": ConfigRow.measure,
        "jobs": JobsRow.measure,
        "events": EventsRow.measure,
        "audit-verify": AuditVerifyRow.measure,
        "audit-append": AuditAppendRow.measure,
    ]

    static func main() async throws {
        guard CommandLine.arguments.count == 2, let row = rows[CommandLine.arguments[1]] else {
            write("usage: micro \(rows.keys.sorted().joined(separator: "|"))", to: STDERR_FILENO)
            exit(2)
        }
        let figures = try await row()
        let members = figures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        write("{\(members.joined(separator: ", "))}", to: STDOUT_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array("\(text)\n".utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// Seconds that the body took, on the monotonic clock.
func seconds(_ body: () async throws -> Void) async rethrows -> Double {
    let duration = try await ContinuousClock().measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

import Core
import FoundationEssentials
import Glibc
import LocalServers
import Synchronization
import TestKit
import Testing

@testable import Operator

@Suite(.timeLimit(.minutes(1))) struct SupervisorTests {
    private func plan(_ name: String, _ script: String) -> ProcessPlan {
        ProcessPlan(
            name: name,
            healthPort: 0,
            command: ChildProcess.Command("sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"])
        )
    }

    @Test func restartsTheFirstTimeAtOnceAndThenEverMoreSlowly() {
        #expect(Supervisor.pause(after: 1) == .zero)
        #expect(Supervisor.pause(after: 2) == .milliseconds(500))
        #expect(Supervisor.pause(after: 3) == .seconds(1))
        #expect(Supervisor.pause(after: 50) == .seconds(30))
    }

    @Test func startsAgainWhatDiesAndEndsEverythingWhenCancelled() async throws {
        let news = Mutex<[String]>([])
        let supervisor = Supervisor([plan("one", "exec sleep 60"), plan("two", "exec sleep 60")]) { text in
            news.withLock { $0.append(text) }
        }
        let run = Task { try await supervisor.run() }
        let first = try await eventually("both run") { supervisor.pids.count == 2 ? supervisor.pids : nil }
        let victim = try #require(first["one"])
        kill(victim, SIGKILL)
        let second = try await eventually("it runs again") { () -> [String: Int32]? in
            let pids = supervisor.pids
            return pids["one"] != nil && pids["one"] != victim ? pids : nil
        }
        #expect(second["two"] == first["two"])
        #expect(news.withLock { $0 } == ["one was killed by signal 9; starting it again"])
        run.cancel()
        try await run.value
        #expect(supervisor.pids.isEmpty)
        for pid in second.values { #expect(kill(pid, 0) != 0) }
    }
}

@Suite(.timeLimit(.minutes(1))) struct ChildProcessTests {
    private func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.path() + "child-\(RequestID())"
        try Files.makeFolder(path)
        return path
    }

    @Test func getsNothingButItsOwnEnvironment() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let child = try ChildProcess(
            ChildProcess.Command("env", environment: ["PATH": "/usr/bin:/bin", "ONE": "1"], output: "\(folder)/out")
        )
        #expect(await child.ended() == .code(0))
        let lines = try #require(Files.read("\(folder)/out")).split(separator: "\n").sorted()
        #expect(lines == ["ONE=1", "PATH=/usr/bin:/bin"])
        var info = stat()
        unsafe #expect(stat("\(folder)/out", &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)
    }

    @Test func saysHowItEnded() async throws {
        let path = ["PATH": "/usr/bin:/bin"]
        let failed = try ChildProcess(ChildProcess.Command("sh", ["-c", "exit 7"], environment: path))
        #expect(await failed.ended() == .code(7))
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "trap '' TERM; echo deaf; while :; do sleep 0.1; done"
        let stubborn = try ChildProcess(
            ChildProcess.Command("sh", ["-c", script], environment: path, output: "\(folder)/out")
        )
        try await eventually("it hears nothing") { Files.read("\(folder)/out") == "deaf\n" }
        #expect(stubborn.stop(grace: .milliseconds(200)) == .signal(SIGKILL))
    }

    @Test func endsWhenItsParentIsKilled() async throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // A shell that asks for the same death signal stands for the parent.
        let parent = try ChildProcess(
            ChildProcess.Command(
                "sh",
                // It says its name only once the signal is asked for.
                ["-c", "setpriv --pdeathsig TERM -- sh -c 'echo $$ > \(folder)/pid; exec sleep 60' & wait"],
                environment: ["PATH": "/usr/bin:/bin"]
            )
        )
        let pid: Int32 = try await eventually("the grandchild runs") {
            Files.read("\(folder)/pid").flatMap { Int32($0.split(separator: "\n").first ?? "") }
        }
        parent.send(SIGKILL)
        await parent.ended()
        try await eventually("the grandchild ends") { kill(pid, 0) != 0 }
    }
}

import Core
import FoundationEssentials
import Logging
import Settings
import Synchronization
import Telemetry
import Testing

@Suite struct LogTests {
    private final class Sink: Sendable {
        let lines = Mutex<[String]>([])

        func objects() throws -> [[String: String]] {
            try lines.withLock { $0 }.map { try JSONDecoder().decode([String: String].self, from: Data($0.utf8)) }
        }
    }

    private func logger(_ sink: Sink, _ level: LogLevel = LogLevel()) -> Logger {
        Logger(label: "billing") { label in
            JSONLogHandler(service: "billing", label: label, level: level) { line in
                sink.lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
        }
    }

    @Test func oneLineOfJSONWithItsFields() throws {
        let sink = Sink()
        var log = logger(sink).with(TraceContext())
        log[.clinicID] = "0190"
        log.warning("A \"quoted\"\nline \u{1}", metadata: .fields([.count: "3"]))
        let line = try #require(try sink.objects().first)
        #expect(line["level"] == "warning")
        #expect(line["service"] == "billing")
        #expect(line["message"] == "A \"quoted\"\nline \u{1}")
        #expect(line["clinic_id"] == "0190")
        #expect(line["count"] == "3")
        #expect(line["trace_id"]?.count == 32 && line["span_id"]?.count == 16)
        #expect(line["time"].flatMap { Instant(rfc3339: $0) } != nil)
        let written = sink.lines.withLock { $0 }
        #expect(written.allSatisfy { $0.hasSuffix("}\n") && $0.dropLast().contains("\n") == false })
    }

    @Test func otherKeysAreNamedAndNotShown() throws {
        let sink = Sink()
        logger(sink).error("Failed", metadata: ["patient_name": "Asha Rao", "body": "secret", "status": "500"])
        let line = try #require(try sink.objects().first)
        #expect(line["dropped"] == "body,patient_name")
        #expect(line["status"] == "500")
        #expect(!sink.lines.withLock { $0 }.joined().contains("Asha"))
    }

    @Test func redactedValuesNeverShow() throws {
        let sink = Sink()
        logger(sink).info("Key \(Secret("hunter2"))", metadata: ["reason": "\(Secret("hunter2"))"])
        #expect(!sink.lines.withLock { $0 }.joined().contains("hunter2"))
    }

    @Test(arguments: [
        ("to asha@example.com now", "to •••• now"), ("postgres://u:p@host/db", "••••"), ("call +91 98", "call +91 98"),
        ("call +919812345678.", "call ••••"), ("call \"+49-171-1234567\"", "call \"••••\""), ("2 + 2 @ 4", "2 + 2 @ 4"),
        ("plain", "plain"), ("10:00+05:30", "10:00+05:30"), ("<a@b.c>,x", "<••••>,x"),
        (#"to <"Asha Rao"@b.c> now"#, "to <••••> now"),
    ])
    func addressesAndNumbersAreBlotted(text: String, shown: String) {
        #expect(PersonalDataFilter.blot(text) == shown)
    }

    @Test func theLevelCanChangeWhileRunning() throws {
        let sink = Sink()
        let level = LogLevel(.warning)
        let log = logger(sink, level)
        log.info("unheard")
        level.change(to: .debug)
        log.debug("heard")
        #expect(try sink.objects().map { $0["message"] } == ["heard"])
        #expect(try Telemetry.logLevel(Settings(["LOG_LEVEL": "Trace"])) == .trace)
        #expect(throws: SettingsError.self) { try Telemetry.logLevel(Settings(["LOG_LEVEL": "loud"])) }
    }

    @Test func longTextIsCut() throws {
        let sink = Sink()
        logger(sink).info("\(String(repeating: "x", count: 1 << 20))")
        #expect(sink.lines.withLock { $0 }.joined().utf8.count < 8_192)
    }
}

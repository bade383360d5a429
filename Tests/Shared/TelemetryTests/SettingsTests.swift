import Core
import FoundationEssentials
import Settings
import Testing

@Suite struct SettingsTests {
    private func file(_ text: String) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "settings-\(RequestID())")
        try Data(text.utf8).write(to: path)
        return path.path
    }

    @Test func aValueOrAFileThatHoldsIt() throws {
        let path = try file("postgres://x\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let settings = Settings(["A": "1", "B_FILE": path, "EMPTY": ""])
        #expect(try settings.required("A") == "1")
        #expect(try settings.required("B") == "postgres://x")
        #expect(try settings.secret("B")?.unredacted == "postgres://x")
        #expect(try settings.string("EMPTY") == nil)
        #expect(try settings.string("C", default: "c") == "c")
    }

    @Test func everyErrorNamesTheKeyAndNeverTheValue() throws {
        let empty = try file(" \n")
        defer { try? FileManager.default.removeItem(atPath: empty) }
        let settings = Settings([
            "TWICE": "hunter2", "TWICE_FILE": "/hunter2", "GONE_FILE": "/nowhere/hunter2", "PORT": "hunter2",
            "BIG": "70000",
            "ON": "hunter2", "HOLLOW_FILE": empty,
        ])
        let attempts: [(String, SettingsError.Reason, () throws -> Void)] = [
            ("MISSING", .missing, { _ = try settings.required("MISSING") }),
            ("TWICE", .givenTwice, { _ = try settings.string("TWICE") }),
            ("GONE", .unreadableFile, { _ = try settings.string("GONE") }),
            ("HOLLOW", .emptyFile, { _ = try settings.string("HOLLOW") }),
            ("PORT", .unreadable("a whole number from 0 to 65535"), { _ = try settings.port("PORT") }),
            ("BIG", .unreadable("a whole number from 0 to 65535"), { _ = try settings.port("BIG") }),
            ("ON", .unreadable("on or off"), { _ = try settings.bool("ON") }),
        ]
        for (key, reason, attempt) in attempts {
            let error = #expect(throws: SettingsError.self) { try attempt() }
            #expect(error == SettingsError(key, reason))
            #expect(error?.description.contains(key) == true)
            #expect(error?.description.contains("hunter2") == false)
        }
    }

    @Test(arguments: [("on", true), ("YES", true), ("1", true), ("off", false), ("False", false), ("0", false)])
    func switches(text: String, value: Bool) throws {
        #expect(try Settings(["S": text]).bool("S", default: !value) == value)
    }

    @Test func lists() throws {
        #expect(try Settings(["L": " a, b ,,c "]).list("L") == ["a", "b", "c"])
        #expect(try Settings([:]).list("L").isEmpty)
    }
}

import ArgumentParser
import AuditLog
import Contracts
import Core
import Foundation
import Settings

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Play the main job against the running installation, and check every step.",
        discussion:
            "Reads $POLYCLINIC_HOME/demo.json, which `polyclinic dev` writes. Exits with 1 at the first thing that is not so."
    )

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let home = try Home(Settings.load())
        guard FileManager.default.fileExists(atPath: home.demoFile) else {
            throw OperatorError("\(home.demoFile) is not there: start the installation first (make run)")
        }
        let isJSON = common.json
        let story = DemoStory(try DemoFile.read(home.demoFile)) { sentence in
            if isJSON { Terminal.error(sentence) } else { Terminal.line(sentence) }
        } verify: { bundle in
            let report = try BundleCheck().verify(bundle)
            guard report.isVerified else { throw OperatorError(report.words) }
            return report.words.split(separator: "\n").first.map(String.init) ?? ""
        }
        do {
            try await story.play()
            if isJSON { try Terminal.json(["passed": true]) }
        } catch {
            if isJSON { try Terminal.json(["passed": false, "reason": .string("\(error)")]) }
            throw error
        }
    }
}

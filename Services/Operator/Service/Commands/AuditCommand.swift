import ArgumentParser
import AuditLog
import Contracts
import Core
import Foundation

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Prove audit trails.",
        subcommands: [Verify.self]
    )

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify an export bundle offline.",
            discussion: """
                Every entry is proved against the signed checkpoint of the bundle. Give the log's key and checkpoints you \
                already hold, or the bundle can only be held against itself. Exits with 3 unless it is verified.
                """
        )
        @OptionGroup var common: CommonOptions
        @Argument(help: "The tar file.") var bundle: String
        @Option(name: .long, help: "A key of the log as you know it, name+hash+key; may be repeated.") var key:
            [String] = []
        @Option(name: .long, help: "A file with a checkpoint you hold; may be repeated.") var checkpoint: [String] = []
        @Option(name: .long, help: "A witness's key, name+hash+key, whose cosignature is required; may be repeated.")
        var witnessKey: [String] = []

        func run() async throws {
            let check = try BundleCheck(keys: key, checkpoints: checkpoint, witnessKeys: witnessKey)
            let report = try check.verify(bundle)
            if common.json { try Terminal.json(report.json) } else { Terminal.line(report.words) }
            if !report.isVerified { throw ExitCode.notWell }
        }
    }
}

/// A verification as the command line asks for it.
struct BundleCheck {
    private let verifier: BundleVerifier

    init(keys: [String] = [], checkpoints: [String] = [], witnessKeys: [String] = []) throws {
        let known = try keys.map { text in
            guard let key = VerifierKey(text) else { throw OperatorError("“\(text)” is not a key name+hash+key") }
            return key
        }
        let trusted = try checkpoints.map { path in
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw OperatorError("\(path) cannot be read")
            }
            return text
        }
        let witnesses = try witnessKeys.map { text in
            guard let key = CosignerKey(text) else {
                throw OperatorError("“\(text)” is not a witness's key name+hash+key")
            }
            return key
        }
        verifier = BundleVerifier(keys: known, trusted: trusted, witnesses: witnesses)
    }

    func verify(_ path: String) throws -> VerificationReport { try verifier.verify(path: path) }
}

extension VerificationReport {
    var words: String {
        var lines = [
            "\(isVerified ? "verified" : "NOT verified"): \(origin), \(size) entries logged, \(entries) proved"
        ]
        if pruned > 0 { lines.append("\(pruned) entries are past retention; their hashes are proved") }
        if isFiltered { lines.append("a part of the log was exported: what is missing here proves nothing") }
        if !isKeyTrusted { lines.append("the key came from the bundle itself: give --key to prove who signed") }
        lines += cosigned.sorted { $0.key < $1.key }.map { "cosigned by \($0.key) at \($0.value.rfc3339)" }
        if let first = agreeing.first, let last = agreeing.last {
            let which = agreeing.count == 1 ? "the checkpoint at \(first)" : "checkpoints at \(first) … \(last)"
            lines.append("agrees with \(agreeing.count == 1 ? "" : "all \(agreeing.count) ")\(which)")
        }
        lines += faults.map { "fault: \($0)" }
        if moreFaults > 0 { lines.append("and \(moreFaults) faults more") }
        return lines.joined(separator: "\n")
    }

    var json: JSONValue {
        [
            "verified": .bool(isVerified), "origin": .string(origin), "size": .integer(size),
            "entries": .integer(entries),
            "pruned": .integer(pruned), "filtered": .bool(isFiltered), "keyTrusted": .bool(isKeyTrusted),
            "cosigned": .object(cosigned.mapValues { .string($0.rfc3339) }),
            "agreeingCheckpoints": .array(agreeing.map(JSONValue.integer)),
            "faults": .array(faults.map { .string("\($0)") }), "moreFaults": .integer(moreFaults),
        ]
    }
}

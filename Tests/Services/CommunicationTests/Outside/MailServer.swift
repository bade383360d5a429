import Core
import FoundationEssentials
import Glibc
import LocalServers
import TestKit

/// Exim, as Debian has it, with a configuration of the test's own: three ports of this machine, folders that it delivers to, and
/// nobody else that it reaches.
struct MailServer: Sendable {
    /// Where a conversation is ended by the test's wish.
    enum Stage: String, Sendable, CaseIterable { case connect, helo, mail, rcpt, predata, data }

    struct Setup: Sendable {
        /// Settings beside those that all have.
        var settings: [String] = []
        /// What is answered at a stage; a reply that begins with a code.
        var replies: [Stage: String] = [:]
        /// Nobody need sign in, and nothing be encrypted.
        var isOpen = false
        var mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5"]
        /// Whether addresses in other letters than ASCII's are taken (SMTPUTF8).
        var takesAllLetters = true
    }

    static let (username, password) = ("clinic", "p@ss w0rd: süd")
    private static let user = "Debian-exim"
    private static let program = "/usr/sbin/exim4"
    private static let environment = ["PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    /// It runs as a user of its own, whom only root can become.
    static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: program) && geteuid() == 0 }
    static let absence = "exim4 is not installed, or the tests do not run as root"

    /// Where it offers STARTTLS, where it speaks TLS from the first byte, and where it plays other people's server.
    let port: Int
    let tlsPort: Int
    private let otherPort: Int
    private let folder: String

    var certificate: String { "\(folder)/cert.pem" }

    /// How often it is started: what was a free port may be an outgoing connection's by the time it is to be listened at.
    private static let mostStarts = 5

    static func with(_ setup: Setup = Setup(), _ body: (MailServer) async throws -> Void) async throws {
        for _ in 1...mostStarts where try await runs(setup, body) { return }
        throw TestKitError("the mail server did not start")
    }

    /// - Returns: `false` where it ended without listening.
    private static func runs(_ setup: Setup, _ body: (MailServer) async throws -> Void) async throws -> Bool {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pc-mail-\(RequestID())").path
        try Files.makeFolder(folder, mode: 0o755)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let server = MailServer(
            port: try Ports.free(),
            tlsPort: try Ports.free(),
            otherPort: try Ports.free(),
            folder: folder
        )
        try server.prepare(setup)
        let process = try ChildProcess(
            ChildProcess.Command(
                program,
                ["-C", "\(folder)/exim.conf", "-bdf"],
                environment: environment,
                output: "\(folder)/output",
                user: user
            )
        )
        defer {
            // All of its group: who serves a connection that is kept would outlive it, and write on into the folder.
            _ = kill(-process.pid, SIGKILL)
            process.stop()
        }
        try await eventually("the mail server listens or ends") { server.listens || process.exit != nil }
        guard server.listens else { return false }
        try await body(server)
        return true
    }

    private var listens: Bool { log.contains("listening for SMTP") }

    /// What it says of its work.
    var log: String { Files.read("\(folder)/mainlog") ?? "" }

    /// How often it was connected to.
    var connections: Int {
        log.split(separator: "\n").filter { $0.contains("SMTP connection from") && !$0.contains("closed") }.count
    }

    /// What lies in somebody's mail box, as it came.
    func mails(of name: String) -> [[UInt8]] {
        let box = "\(folder)/mail/\(name)/new"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: box)) ?? []
        return files.sorted().compactMap { FileManager.default.contents(atPath: "\(box)/\($0)").map { Array($0) } }
    }

    private func prepare(_ setup: Setup) throws {
        try run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out",
                "cert.pem",
            ]
        )
        try configuration(setup).write(toFile: "\(folder)/exim.conf", atomically: true, encoding: .utf8)
        try run("chown", ["-R", Self.user, folder])
    }

    private func run(_ program: String, _ arguments: [String]) throws {
        let process = try ChildProcess(
            ChildProcess.Command(
                program,
                arguments,
                environment: Self.environment,
                output: "\(folder)/output",
                workingDirectory: folder
            )
        )
        guard process.stop(0) == .code(0) else {
            throw TestKitError("\(program) failed: \(Files.read("\(folder)/output") ?? "")")
        }
    }
}

extension MailServer {
    private func configuration(_ setup: Setup) -> String {
        let stages = Stage.allCases.map { "acl_smtp_\($0.rawValue) = at_\($0.rawValue)" }
        let general = [
            "primary_hostname = mx.example.com", "spool_directory = \(folder)/spool", "log_file_path = \(folder)/%slog",
            "log_selector = +smtp_connection", "smtp_accept_queue_per_connection = 0", "pid_file_path =",
            "notifier_socket =", "local_interfaces = 127.0.0.1",
            "daemon_startup_retries = 0", "disable_ipv6 = true", "host_lookup =", "keep_environment =",
            "deliver_drop_privilege = true",
            "never_users =",
            "daemon_smtp_ports = \(port) : \(tlsPort) : \(otherPort)", "tls_on_connect_ports = \(tlsPort)",
            "tls_certificate = \(certificate)", "tls_privatekey = \(folder)/key.pem",
            "auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}",
            "smtputf8_advertise_hosts = \(setup.takesAllLetters ? "*" : "")",
        ]
        return [
            general, setup.settings, stages, ["begin acl"], Stage.allCases.flatMap { rule($0, setup) }, routing,
            ["begin authenticators"], setup.mechanisms.flatMap(authenticator),
        ].joined().joined(separator: "\n") + "\n"
    }

    private func rule(_ stage: Stage, _ setup: Setup) -> [String] {
        var lines = ["at_\(stage.rawValue):"]
        if let reply = setup.replies[stage] {
            lines += [reply.hasPrefix("4") ? "  defer" : "  deny", "    message = \(reply)"]
        }
        if stage == .rcpt {
            lines += Self.refusals.flatMap { name, reply in
                [
                    "  deny", "    condition = ${if eq{$received_port}{\(otherPort)}}", "    local_parts = \(name)",
                    "    message = \(reply)",
                ]
            }
            lines += ["  accept", "    condition = ${if eq{$received_port}{\(otherPort)}}"]
            if !setup.isOpen { lines += ["  deny", "    !authenticated = *", "    message = 550 5.7.1 Sign in first"] }
        }
        return lines + ["  accept"]
    }

    /// How other people's server refuses those who are called so there.
    static let refusals = [
        ("absent", "550 5.1.1 <$local_part@$domain>: no such mailbox"), ("bare", "550 No Such User Here"),
        ("policy", "550 5.7.1 Our policy refuses it"), ("unverified", "550 Sender verify failed: unrouteable address"),
        ("full", "552 5.2.2 The mailbox is full"),
    ]

    /// Who has a mail box here.
    private static let boxes = ["asha", "clinic", "starttls", "tls", "आशा", "zoë"] + quotedBoxes

    /// Mail boxes whose names need quotes in an address.
    static let quotedBoxes = ["a b", "a@b", "a> <b", "a,b", #"say "hi""#]

    private var routing: [String] {
        [
            "begin routers", "others:", "  driver = manualroute", "  domains = others.example",
            "  condition = ${if !eq{$received_port}{\(otherPort)}}",
            "  route_list = * 127.0.0.1::\(otherPort) byname", "  self = send", "  transport = onward", "  no_more",
            "nobody:", "  driver = redirect", "  local_parts = nobody", "  data = :fail: no such mailbox",
            "  allow_fail",
            "known:", "  driver = accept",
            "  local_parts = \(Self.boxes.joined(separator: " : "))", "  transport = box",
            "begin transports", "onward:", "  driver = smtp", "  hosts_avoid_tls = *", "  hosts_try_dane =",
            "box:", "  driver = appendfile", "  maildir_format", "  create_directory",
            "  directory = \(folder)/mail/$local_part_data",
        ]
    }

    private func authenticator(_ mechanism: String) -> [String] {
        func right(_ name: String, _ secret: String) -> String {
            "  server_condition = ${if and{{eq{\(name)}{\(Self.username)}}{eq{\(secret)}{\(Self.password)}}}}"
        }
        let common = ["\(mechanism.filter(\.isLetter)):", "  public_name = \(mechanism)"]
        switch mechanism {
        case "PLAIN": return common + ["  driver = plaintext", "  server_prompts = :", right("$auth2", "$auth3")]
        case "LOGIN":
            return common + [
                "  driver = plaintext", "  server_prompts = <| Username: | Password:", right("$auth1", "$auth2"),
            ]
        default:
            return common + [
                "  driver = cram_md5", "  server_secret = ${if eq{$auth1}{\(Self.username)}{\(Self.password)}fail}",
            ]
        }
    }
}

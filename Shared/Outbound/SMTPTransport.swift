package import Core
import Glibc
import Synchronization
import Threads

/// One message for one recipient, or only a question whether the server lets us in.
struct SMTPEnvelope: Sendable {
    struct Mail: Sendable {
        let sender: String
        let recipient: String
        let message: [UInt8]
        /// Whether an address in the envelope or in the header has letters that only a server with SMTPUTF8 takes (RFC 6531).
        let needsSMTPUTF8: Bool

        init(sender: String, recipient: String, message: [UInt8]) {
            self.sender = sender
            self.recipient = recipient
            self.message = message
            needsSMTPUTF8 = (sender + recipient).utf8.contains { $0 >= 0x80 } || Self.hasOtherLetters(headerOf: message)
        }

        /// Whether a byte is not ASCII's before the first empty line: whatever else than addresses stands there is encoded.
        private static func hasOtherLetters(headerOf message: [UInt8]) -> Bool {
            for (index, byte) in message.enumerated() {
                if byte >= 0x80 { return true }
                if byte == UInt8(ascii: "\n"), message[(index + 1)...].starts(with: "\r\n".utf8) { return false }
            }
            return false
        }
    }

    let server: SMTPServer
    let mail: Mail?
    /// What we call ourselves; `nil` for the machine's own name.
    let name: String?
}

/// Sends mail with libcurl: blocking handles on a few threads of its own, a bounded queue in front of them.
///
/// A server that hangs holds `perServer` threads and no more, and whatever a clinic does leaves threads to the others; a handle
/// is thrown away after anything but success, because libcurl would send the next message down the same broken connection.
package final class SMTPTransport: Sendable {
    /// Threads in all, and threads for one server: one host and port.
    package static let mostThreads = 16
    package static let perServer = 2
    /// Threads for one clinic, whatever servers it names.
    package static let perClinic = 4
    /// Threads for one address, whatever names and ports lead there; more than a clinic has, for addresses are shared.
    package static let perAddress = 6
    /// Messages that may wait for a thread, in all and of one clinic.
    package static let mostWaiting = 2_000
    package static let mostWaitingPerClinic = 1_000
    /// Idle connections that are kept.
    package static let mostIdle = 32

    private let policy: OutboundPolicy
    private let name: String?
    private let trustRoots: String?
    private let state = Mutex(SMTPQueue())

    /// - Parameters:
    ///   - name: what we call ourselves to mail servers; used where it is a whole name of ASCII, as `clinic.example` is and
    ///     `localhost` is not, else a mail is introduced by its sender's domain.
    ///   - trustRoots: a file of certificates that are trusted in place of the system's.
    package init(policy: OutboundPolicy, name: String? = nil, trustRoots: String? = nil) {
        self.policy = policy
        self.name = name.flatMap(Self.hostName)
        self.trustRoots = trustRoots
    }

    /// Sends one message and waits for the server's verdict.
    ///
    /// It is not interrupted by cancellation: its deadline bounds it.
    ///
    /// - Parameters:
    ///   - message: the whole text with its header, lines ended by CR LF.
    ///   - clinic: on whose behalf; mails of different clinics have their turns one after the other.
    package func send(
        _ server: SMTPServer,
        from sender: EmailAddress,
        to recipient: EmailAddress,
        message: [UInt8],
        for clinic: ClinicID? = nil,
        deadline: Deadline
    ) async -> SMTPResult {
        guard Self.isSafe(sender), Self.isSafe(recipient), Self.isSafe(server.host) else {
            return SMTPResult(verdict: .notSent(.policy))
        }
        let mail = SMTPEnvelope.Mail(sender: sender.address, recipient: recipient.address, message: message)
        let name = name ?? Self.hostName(sender.domain)
        return await run(SMTPEnvelope(server: server, mail: mail, name: name), clinic, deadline)
    }

    /// Connects, signs in and says `NOOP`: accepted means that the server is there and lets us in.
    ///
    /// - Parameter sender: from whom mails are to be sent there.
    package func check(_ server: SMTPServer, from sender: EmailAddress, deadline: Deadline) async -> SMTPResult {
        guard Self.isSafe(server.host) else { return SMTPResult(verdict: .notSent(.policy)) }
        let name = name ?? Self.hostName(sender.domain)
        return await run(SMTPEnvelope(server: server, mail: nil, name: name), nil, deadline)
    }

    private func run(_ envelope: SMTPEnvelope, _ clinic: ClinicID?, _ deadline: Deadline) async -> SMTPResult {
        await withCheckedContinuation { continuation in
            let job = SMTPQueue.Job(envelope: envelope, clinic: clinic, addedAt: .now(), deadline: deadline) { result in
                continuation.resume(returning: result)
            }
            let added = state.withLock { $0.add(job) }
            startWatch()
            switch added {
            case .queued: break
            case .full: job.finish(Self.busy)
            case .needsThread: startThread()
            }
        }
    }

    /// There was no room here; the server was not asked.
    private static let busy = SMTPResult(verdict: .notSent(.busy))

    private func startWatch() {
        if state.withLock({ $0.startWatch() }) { Task { await watch() } }
    }

    /// As long as something waits, ends what has waited for all of its time: every thread may be with a server that hangs.
    private func watch() async {
        while true {
            try? await Task.sleep(for: Self.watchInterval)
            let (late, isOver) = state.withLock { $0.takeLate(at: .now()) }
            for job in late { job.finish(Self.busy) }
            if isOver { return }
        }
    }

    private static let watchInterval: Duration = .milliseconds(250)

    /// A name by which mail servers may know us, in small letters; `nil` for what is none, or only an address.
    static func hostName(_ text: String) -> String? {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let isName =
            labels.count > 1
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }
            }
        return isName && IPAddress(text) == nil ? text.lowercased() : nil
    }

    /// libcurl writes what it is given: a line break would be a second command, an angle bracket a second path.
    static func isSafe(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "<" && $0 != ">" }
    }

    /// Whether libcurl says an address as it is.
    ///
    /// In quotes blanks and angle brackets are letters like others. What follows an `@` there is a domain to libcurl, which it would
    /// write in ASCII.
    package static func isSafe(_ address: EmailAddress) -> Bool {
        guard address.isQuoted else { return isSafe(address.address) }
        let scalars = address.localPart.unicodeScalars
        return isSafe(String(address.domainPart)) && scalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            && scalars.drop { $0 != "@" }.allSatisfy(\.isASCII)
    }

    private func startThread() {
        let started = SystemThread.startIfPossible(named: "mail") { [self] in work() }
        guard !started else { return }
        for job in state.withLock({ $0.threadFailed() }) { job.finish(Self.busy) }
    }

    /// A worker's life: as long as there is something it may take.
    private func work() {
        while case .job(let job, let needsThread) = state.withLock({ $0.next() }) {
            if needsThread { startThread() }
            let startedAt = Instant.now()
            guard !job.deadline.hasPassed(at: startedAt) else {
                end(job, Self.busy)
                continue
            }
            do {
                let addresses = try addresses(for: job)
                switch state.withLock({ $0.claim(job, at: addresses, now: startedAt) }) {
                case .wait: startWatch()
                case .room(let connected, let kept):
                    let (result, transfer) = perform(connected, with: kept)
                    end(connected, Self.told(result, of: job, startedAt: startedAt), keeping: transfer)
                }
            } catch .unknownHost {
                end(job, SMTPResult(verdict: .notSent(.dns)))
            } catch {
                end(job, SMTPResult(verdict: .notSent(.policy)))
            }
        }
    }

    private func end(_ job: SMTPQueue.Job, _ result: SMTPResult, keeping transfer: SMTPTransfer? = nil) {
        // The caller first: throwing a handle away may take as long as the server's answer to QUIT.
        job.finish(result)
        let reusable = result.verdict == .accepted ? transfer : nil
        let surplus = state.withLock { $0.done(job, keeping: reusable, at: .now()) }
        _ = surplus
    }

    /// Where a job's server is: looked up when its turn comes first, and not again when it has to wait for room there.
    private func addresses(for job: SMTPQueue.Job) throws(OutboundError) -> [IPAddress] {
        guard job.addresses.isEmpty else { return job.addresses }
        let server = job.envelope.server
        return try policy.resolveBlocking(host: server.host, encrypted: server.security != .none)
    }

    private func perform(_ job: SMTPQueue.Job, with kept: SMTPTransfer?) -> (SMTPResult, SMTPTransfer?) {
        if let kept {
            let result = hand(job, to: kept)
            // What a kept connection was refused with says nothing of the message: it is tried on a new one.
            if !SMTPReply.isOverdue(result) { return (result, kept) }
        }
        guard let transfer = SMTPTransfer() else { return (Self.busy, nil) }
        return (hand(job, to: transfer), transfer)
    }

    private func hand(_ job: SMTPQueue.Job, to transfer: SMTPTransfer) -> SMTPResult {
        let left = job.deadline.remaining()
        guard left > .zero else { return SMTPResult(verdict: .notSent(.deadline)) }
        return transfer.send(job.envelope, addresses: job.addresses, trustRoots: trustRoots, within: left)
    }

    /// A server that was given less than half of the time, because the rest went by here, has not been too slow.
    private static func told(_ result: SMTPResult, of job: SMTPQueue.Job, startedAt: Instant) -> SMTPResult {
        let (waited, left) = (startedAt - job.addedAt, job.deadline.at - startedAt)
        return result.verdict == .notSent(.deadline) && waited > left ? busy : result
    }
}

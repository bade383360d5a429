package import Core
import Glibc
import Synchronization

/// One message for one recipient, or only a question whether the server lets us in.
struct SMTPEnvelope: Sendable {
    struct Mail: Sendable {
        let sender: String
        let recipient: String
        let message: [UInt8]
    }

    let server: SMTPServer
    let mail: Mail?
}

/// Sends mail with libcurl: blocking handles on a few threads of its own, a bounded queue in front of them.
///
/// A server that hangs holds `perServer` threads and no more; a handle is thrown away after anything but success, because
/// libcurl would send the next message down the same broken connection.
package final class SMTPTransport: Sendable {
    /// Threads in all, and threads for one server.
    package static let mostThreads = 16
    package static let perServer = 2
    /// Messages that may wait for a thread.
    package static let mostWaiting = 2_000
    /// Idle connections that are kept.
    package static let mostIdle = 32

    private let policy: OutboundPolicy
    private let trustRoots: String?
    private let state = Mutex(SMTPQueue())

    /// - Parameter trustRoots: a file of certificates that are trusted in place of the system's.
    package init(policy: OutboundPolicy, trustRoots: String? = nil) {
        self.policy = policy
        self.trustRoots = trustRoots
    }

    /// Sends one message and waits for the server's verdict.
    ///
    /// It is not interrupted by cancellation: its deadline bounds it.
    ///
    /// - Parameter message: the whole text with its header, lines ended by CR LF.
    package func send(
        _ server: SMTPServer,
        from sender: EmailAddress,
        to recipient: EmailAddress,
        message: [UInt8],
        deadline: Deadline
    ) async -> SMTPResult {
        guard Self.isSafe(sender.address), Self.isSafe(recipient.address), Self.isSafe(server.host) else {
            return SMTPResult(verdict: .notSent(.policy))
        }
        let mail = SMTPEnvelope.Mail(sender: sender.address, recipient: recipient.address, message: message)
        return await run(SMTPEnvelope(server: server, mail: mail), deadline)
    }

    /// Connects, signs in and says `NOOP`: accepted means that the server is there and lets us in.
    package func check(_ server: SMTPServer, deadline: Deadline) async -> SMTPResult {
        guard Self.isSafe(server.host) else { return SMTPResult(verdict: .notSent(.policy)) }
        return await run(SMTPEnvelope(server: server, mail: nil), deadline)
    }

    private func run(_ envelope: SMTPEnvelope, _ deadline: Deadline) async -> SMTPResult {
        await withCheckedContinuation { continuation in
            let job = SMTPQueue.Job(envelope: envelope, deadline: deadline) { continuation.resume(returning: $0) }
            switch state.withLock({ $0.add(job) }) {
            case .queued: break
            case .full: job.finish(SMTPResult(verdict: .notSent(.busy)))
            case .needsThread: startThread()
            }
        }
    }

    /// libcurl writes what it is given: a line break would be a second command, an angle bracket a second path.
    static func isSafe(_ address: String) -> Bool {
        !address.isEmpty
            && address.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F && $0 != "<" && $0 != ">" }
    }

    private func startThread() {
        let started = WorkerThread.start { [self] in work() }
        guard !started else { return }
        for job in state.withLock({ $0.threadFailed() }) { job.finish(SMTPResult(verdict: .notSent(.busy))) }
    }

    /// A worker's life: as long as there is something it may take.
    private func work() {
        while let (job, kept) = state.withLock({ $0.next(at: .now()) }) {
            let (result, transfer) = perform(job, with: kept)
            // The caller first: throwing a handle away may take as long as the server's answer to QUIT.
            job.finish(result)
            let reusable = result.verdict == .accepted ? transfer : nil
            let surplus = state.withLock { $0.done(job, keeping: reusable, at: .now()) }
            _ = surplus
        }
    }

    private func perform(_ job: SMTPQueue.Job, with kept: SMTPTransfer?) -> (SMTPResult, SMTPTransfer?) {
        let server = job.envelope.server
        do {
            let addresses = try policy.resolveBlocking(host: server.host, encrypted: server.security != .none)
            if let kept {
                let result = hand(job, addresses, to: kept)
                // What a kept connection was refused with says nothing of the message: it is tried on a new one.
                if !SMTPReply.isOverdue(result) { return (result, kept) }
            }
            guard let transfer = SMTPTransfer() else { return (SMTPResult(verdict: .notSent(.busy)), nil) }
            return (hand(job, addresses, to: transfer), transfer)
        } catch .unknownHost {
            return (SMTPResult(verdict: .notSent(.dns)), nil)
        } catch {
            return (SMTPResult(verdict: .notSent(.policy)), nil)
        }
    }

    private func hand(_ job: SMTPQueue.Job, _ addresses: [IPAddress], to transfer: SMTPTransfer) -> SMTPResult {
        let left = job.deadline.remaining()
        guard left > .zero else { return SMTPResult(verdict: .notSent(.deadline)) }
        return transfer.send(job.envelope, addresses: addresses, trustRoots: trustRoots, within: left)
    }
}

import Foundation
import Glibc
import Synchronization

/// A server on a free loopback port that does with each connection what a test tells it.
final class ScriptedServer: Sendable {
    let host: String
    let port: Int
    private let listener: Int32
    private let lines = Mutex((accepted: 0, open: Set<Int32>()))

    /// How many connections there have been.
    var connections: Int { lines.withLock { $0.accepted } }

    /// - Parameter host: an address of this machine.
    init(at host: String = "127.0.0.1", _ script: @escaping @Sendable (Line) -> Void) throws {
        self.host = host
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = unsafe inet_addr(host)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let bound = unsafe bind(listener, address, size) + listen(listener, 64)
                return unsafe bound + getsockname(listener, address, &size)
            }
        }
        guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0 {
                    // Closed by the thread that uses it: the number may belong to another socket right afterwards.
                    close(listener)
                    return
                }
                lines.withLock { lines in
                    lines.accepted += 1
                    lines.open.insert(connection)
                }
                Thread.detachNewThread { [self] in
                    script(Line(connection))
                    shutdown(connection, Int32(SHUT_RDWR))
                    _ = lines.withLock { $0.open.remove(connection) }
                    close(connection)
                }
            }
        }
    }

    /// Takes no further connections, and ends those that are open.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        lines.withLock { lines in
            for connection in lines.open { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    /// One connection, read and written by its own thread.
    final class Line {
        private let socket: Int32
        private var buffer: [UInt8] = []

        init(_ socket: Int32) { self.socket = socket }

        func write(_ text: String) { _ = goesOn(text) }

        /// Writes on; `false` once the other side has gone.
        func goesOn(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return unsafe bytes.withUnsafeBytes {
                unsafe send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) >= 0
            }
        }

        /// The next line without its line break; `nil` at the end.
        func readLine() -> String? { read(until: "\r\n") }

        /// Everything up to a mark, which is taken too; `nil` at the end.
        func read(until mark: String) -> String? {
            let mark = Array(mark.utf8)
            while true {
                if buffer.count >= mark.count {
                    for start in 0...(buffer.count - mark.count) where Array(buffer[start..<start + mark.count]) == mark
                    {
                        defer { buffer.removeFirst(start + mark.count) }
                        return String(decoding: buffer[..<start], as: UTF8.self)
                    }
                }
                guard receive() else { return nil }
            }
        }

        func read(count: Int) -> [UInt8]? {
            while buffer.count < count { guard receive() else { return nil } }
            defer { buffer.removeFirst(count) }
            return Array(buffer.prefix(count))
        }

        /// Says nothing more until the other side has gone.
        func hang() { while receive() {} }

        /// Writes a piece now and then until the other side has gone.
        func drip(_ text: String) {
            while true {
                var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
                let isHeard = unsafe poll(&descriptor, 1, Self.dripMilliseconds) > 0
                guard isHeard ? receive() : goesOn(text) else { return }
            }
        }

        /// Between two pieces that drip.
        private static let dripMilliseconds: Int32 = 50

        private func receive() -> Bool {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
            if count > 0 { buffer += bytes.prefix(count) }
            return count > 0
        }
    }
}

/// Values that threads hand to the test.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }
    func add(_ value: Value) { values.withLock { $0.append(value) } }
}

/// Threads that wait for each other.
final class Meeting: Sendable {
    private let expected: Int
    private let condition = NSCondition()
    private let present = Mutex(0)

    init(of expected: Int) { self.expected = expected }

    /// Returns once all have come; `false` where somebody stays away.
    func isThere() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        present.withLock { $0 += 1 }
        condition.broadcast()
        let deadline = Date(timeIntervalSinceNow: 20)
        while present.withLock({ $0 }) < expected { guard condition.wait(until: deadline) else { return false } }
        return true
    }
}

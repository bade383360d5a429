import NIOCore
import Synchronization

/// The listening socket, for the moment when no more connections shall begin on it.
final class Listener: Sendable {
    /// Time for handshakes that have begun to become connections.
    static let handshake: Duration = .milliseconds(250)

    private let channel = Mutex<(any Channel)?>(nil)

    func open(_ channel: any Channel) { self.channel.withLock { $0 = channel } }

    /// Drops what would begin another connection, while those begun are still taken.
    ///
    /// Closing the socket resets every connection that nobody has accepted yet, and with it a request that its client
    /// has sent already. A client whose first packet is dropped tries again and is told, once the socket is closed, that
    /// nobody listens. Where the system does not know such filters, nothing changes.
    func refuseNewConnections() async {
        guard let channel = channel.withLock({ $0 }) as? any Channel & SocketOptionProvider else { return }
        let program = PacketFilter.dropsNewConnections
        let code = UnsafeMutableBufferPointer<PacketFilter.Instruction>.allocate(capacity: program.count)
        _ = unsafe code.initialize(from: program)
        defer { unsafe code.deallocate() }
        let filter = PacketFilter.Program(
            count: UInt16(program.count),
            instructions: UInt(bitPattern: code.baseAddress)
        )
        let set = channel.unsafeSetSocketOption(
            level: .socket,
            name: .init(rawValue: PacketFilter.attach),
            value: filter
        )
        // The instructions are copied by the call, so they live until it is over.
        _ = try? await set.get()
        try? await Task.sleep(for: Self.handshake)
    }
}

/// Linux's classic packet filter, as `setsockopt` takes it (linux/filter.h).
private enum PacketFilter {
    /// `SO_ATTACH_FILTER`.
    static let attach: CInt = 26

    struct Instruction: Sendable {
        var code: UInt16
        var ifTrue: UInt8 = 0
        var ifFalse: UInt8 = 0
        var operand: UInt32
    }

    struct Program: Sendable {
        var count: UInt16
        /// The address of the first.
        var instructions: UInt
    }

    /// Load the TCP flags; with SYN among them take nothing of the packet, else all of it.
    static let dropsNewConnections = [
        Instruction(code: 0x30, operand: 13), Instruction(code: 0x45, ifFalse: 1, operand: 2),
        Instruction(code: 0x06, operand: 0), Instruction(code: 0x06, operand: .max),
    ]
}

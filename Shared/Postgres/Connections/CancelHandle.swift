import CLibPQ

/// What it takes to stop a connection's statement from another thread.
///
/// `@unchecked` is sound: the pointer is immutable and owned, and libpq documents `PQcancel` as safe to call from any
/// thread.
@safe final class CancelHandle: @unchecked Sendable {
    private static let messageCapacity = 256
    private let pointer: OpaquePointer?

    init(of connection: OpaquePointer) { unsafe pointer = unsafe PQgetCancel(connection) }

    deinit { unsafe PQfreeCancel(pointer) }

    /// Opens a connection of its own to say it, and waits until it is said: about 2 ms.
    func cancel() {
        guard let pointer = unsafe pointer else { return }
        _ = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Self.messageCapacity) { buffer in
            unsafe PQcancel(pointer, buffer.baseAddress, Int32(buffer.count))
        }
    }
}

import Glibc

/// Bytes of the system's generator, fit for keys, codes and salts.
package enum RandomBytes {
    /// `getentropy` gives so many at most.
    private static let mostAtOnce = 256

    package static func make(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let size = min(count - initialized, mostAtOnce)
                let failure = unsafe getentropy(buffer.baseAddress.map { unsafe $0 + initialized }, size)
                precondition(failure == 0, "Cannot go on without random numbers")
                initialized += size
            }
        }
    }
}

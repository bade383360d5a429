import FoundationEssentials
package import Glibc

/// Small steps on files and ports that both servers take.
package enum Files {
    /// Makes the folder and its parents; a folder that is there keeps its mode.
    package static func makeFolder(_ path: String, mode: mode_t = 0o700) throws {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        _ = unsafe chmod(path, mode)
    }

    /// Writes a file that only its owner reads; it is there whole or not at all.
    package static func writeSecret(_ text: String, to path: String) throws {
        let temporary = "\(path).new"
        _ = unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw LocalServersError("cannot write \(temporary)") }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw LocalServersError("cannot write \(temporary)") }
            bytes = bytes.dropFirst(count)
        }
        guard unsafe rename(temporary, path) == 0 else { throw LocalServersError("cannot write \(path)") }
    }

    package static func read(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    /// 256 random bits as letters and digits.
    package static func randomPassword() -> String {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        return String((0..<43).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
    }
}

/// Loopback ports.
package enum Ports {
    /// A port nobody listens on: `preferred` if it is free.
    package static func free(preferred: Int? = nil) throws -> Int {
        if let preferred, let port = bound(to: preferred) { return port }
        guard let port = bound(to: 0) else { throw LocalServersError("there is no free port on 127.0.0.1") }
        return port
    }

    private static func bound(to port: Int) -> Int? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0, let number = in_port_t(exactly: port) else { return nil }
        defer { close(descriptor) }
        var reuse: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
            }
        }
        return isBound ? Int(in_port_t(bigEndian: address.sin_port)) : nil
    }
}

import Glibc

/// Asks the system's resolver; blocks its thread.
enum NameLookup {
    /// More addresses than this are of no use to anybody.
    static let mostAddresses = 16

    /// Every address of a host, in the order the system prefers; empty when the name is unknown.
    static func addresses(of host: String) -> [IPAddress] {
        if let literal = IPAddress(host) { return [literal] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var found: [IPAddress] = []
        var entry = unsafe list
        while let current = unsafe entry, found.count < mostAddresses {
            if let address = unsafe address(current.pointee), !found.contains(address) { found.append(address) }
            unsafe entry = current.pointee.ai_next
        }
        return found
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let socket = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET:
            let four = unsafe socket.loadUnaligned(as: sockaddr_in.self)
            return unsafe withUnsafeBytes(of: four.sin_addr) { unsafe IPAddress(bytes: Array($0)) }
        case AF_INET6:
            let six = unsafe socket.loadUnaligned(as: sockaddr_in6.self)
            return unsafe withUnsafeBytes(of: six.sin6_addr) { unsafe IPAddress(bytes: Array($0)) }
        default: return nil
        }
    }
}

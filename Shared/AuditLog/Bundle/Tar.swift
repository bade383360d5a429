/// The little of the ustar format (POSIX.1-1988) that a bundle needs: regular files with short names.
package enum Tar {
    /// Headers and contents are padded to blocks of this many bytes.
    package static let block = 512
    /// The longest name a header holds.
    package static let longestName = 100
    /// The largest file whose size fits eleven octal digits.
    package static let largestFile: Int64 = 0o77_777_777_777

    /// The header of a file of `size` bytes; a name or size that does not fit is refused.
    package static func header(name: String, size: Int64, modified seconds: Int64 = 0) throws(BundleError) -> [UInt8] {
        guard (1...longestName).contains(name.utf8.count), (0...largestFile).contains(size) else {
            throw BundleError("The file \(name.prefix(longestName)) does not fit a tar header.")
        }
        var header = [UInt8](repeating: 0, count: block)
        func put(_ bytes: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        put(Array(name.utf8), at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(max(0, seconds), 11), at: 136)
        put(Array("        0".utf8), at: 148)
        put(Array("ustar\u{0}00".utf8), at: 257)
        put(octal(header.reduce(Int64(0)) { $0 + Int64($1) }, 6) + [0, UInt8(ascii: " ")], at: 148)
        return header
    }

    /// The zeros behind a file of `size` bytes.
    package static func padding(after size: Int64) -> [UInt8] {
        [UInt8](repeating: 0, count: Int((Int64(block) - size % Int64(block)) % Int64(block)))
    }

    /// What ends an archive.
    package static let trailer = [UInt8](repeating: 0, count: 2 * block)

    /// A file of an archive and where its contents lie.
    package struct Member: Hashable, Sendable {
        package let name: String
        package let offset: Int64
        package let size: Int64
    }

    /// Reads the headers of an archive; the error names the offset of what is not one.
    package static func members(of source: some BundleSource) throws -> [Member] {
        var members: [Member] = []
        var names: Set<String> = []
        var offset: Int64 = 0
        while offset + Int64(block) <= source.size {
            let header = try source.read(offset..<offset + Int64(block))
            if header.allSatisfy({ $0 == 0 }) { return members }
            let member = try read(header, at: offset)
            guard member.offset + member.size <= source.size else {
                throw BundleError("The bundle is cut short: \(member.name) at offset \(offset) is not all there.")
            }
            guard names.insert(member.name).inserted else { throw BundleError("The bundle has \(member.name) twice.") }
            members.append(member)
            offset = member.offset + member.size + Int64(padding(after: member.size).count)
        }
        throw BundleError("The bundle is cut short: its end mark is missing.")
    }

    private static func read(_ header: [UInt8], at offset: Int64) throws(BundleError) -> Member {
        var sum: Int64 = 0
        for (index, byte) in header.enumerated() { sum += Int64((148..<156).contains(index) ? 32 : byte) }
        guard number(header[148..<156]) == sum, header[257..<262].elementsEqual("ustar".utf8),
            let size = number(header[124..<136])
        else { throw BundleError("There is no tar header at offset \(offset).") }
        guard header[156] == UInt8(ascii: "0") || header[156] == 0 else {
            throw BundleError("The bundle has an entry at offset \(offset) that is not a plain file.")
        }
        let prefix = header[345..<500].prefix { $0 != 0 }
        let name = String(decoding: header[0..<100].prefix { $0 != 0 }, as: UTF8.self)
        return Member(
            name: prefix.isEmpty ? name : String(decoding: prefix, as: UTF8.self) + "/" + name,
            offset: offset + Int64(block),
            size: size
        )
    }

    private static func octal(_ number: Int64, _ width: Int) -> [UInt8] {
        let digits = Array(String(number, radix: 8).utf8)
        return [UInt8](repeating: UInt8(ascii: "0"), count: width - digits.count) + digits
    }

    private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { (48...55).contains($0) }
        return Int64(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}

/// A bundle that cannot be written or read at all.
package struct BundleError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

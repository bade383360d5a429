import FoundationEssentials

/// Bytes that can be read anywhere: a bundle on disk or in memory.
package protocol BundleSource {
    var size: Int64 { get }
    /// The bytes of the range, which lies within `0..<size`.
    func read(_ range: Range<Int64>) throws -> [UInt8]
}

/// A bundle in memory or mapped into it.
package struct DataSource: BundleSource {
    private let data: Data

    package init(_ bytes: [UInt8]) { data = Data(bytes) }

    /// Maps the file, so that a bundle of any size costs no memory of ours.
    package init(path: String) throws(BundleError) {
        do {
            data = try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
        } catch {
            throw BundleError("The bundle \(path) cannot be read.")
        }
    }

    package var size: Int64 { Int64(data.count) }

    package func read(_ range: Range<Int64>) throws -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= size else { throw BundleError("The bundle is cut short.") }
        return [UInt8](data[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}

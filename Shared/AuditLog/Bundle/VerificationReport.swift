package import Core

/// What a verifier found in a bundle.
package struct VerificationReport: Sendable, Equatable {
    /// Something that is not as the signed checkpoint says.
    package enum Fault: Sendable, Hashable {
        /// The entry is not the one that was logged at this place.
        case altered(seq: Int64)
        /// The entry is not there.
        case missing(seq: Int64)
        /// The entry stands at another place than its own.
        case moved(seq: Int64)
        /// A line that was never logged; it claims this `seq`.
        case inserted(seq: Int64)
        /// The stored hash of an entry is not the one the checkpoint covers, though the entry is.
        case tile(seq: Int64)
        /// The log from `from` up to, not including, `to` is not what earlier checkpoints were signed for.
        case rewritten(from: Int64, to: Int64)
        /// The checkpoint's root does not belong to the entries or hashes of this bundle.
        case root
        /// A filtered entry's proof is missing or does not lead to the checkpoint.
        case unproven(seq: Int64)
        /// A witness that was asked for has not cosigned the checkpoint.
        case uncosigned(by: String)
        /// A signature, file or line that cannot be used.
        case unusable(String)
    }

    /// Faults that are listed; the rest is counted.
    package static let mostFaults = 100

    package var origin = ""
    /// The number of entries the checkpoint covers.
    package var size: Int64 = 0
    /// Entries whose bytes were proved.
    package var entries: Int64 = 0
    /// Entries past retention, of which only the hash is left.
    package var pruned: Int64 = 0
    /// Whether less than the whole log was exported, so that absence proves nothing.
    package var isFiltered = false
    /// Whether the signing key was given from outside, and not taken out of the bundle.
    package var isKeyTrusted = false
    /// Witnesses asked for that cosigned the checkpoint, by name, and when.
    package var cosigned: [String: Instant] = [:]
    /// Earlier checkpoints that agree with this bundle.
    package var agreeing: [Int64] = []
    package var faults: [Fault] = []
    /// Faults beyond the listed ones.
    package var moreFaults: Int64 = 0

    package init() {}

    package var isVerified: Bool { faults.isEmpty }

    mutating func add(_ fault: Fault) {
        guard faults.count < Self.mostFaults else {
            moreFaults += 1
            return
        }
        if !faults.contains(fault) { faults.append(fault) }
    }
}

extension VerificationReport.Fault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .altered(let seq): "seq \(seq): the entry was altered"
        case .missing(let seq): "seq \(seq): the entry is missing"
        case .moved(let seq): "seq \(seq): the entry stands at another place"
        case .inserted(let seq): "seq \(seq): an entry was inserted"
        case .tile(let seq): "seq \(seq): the stored hash was altered"
        case .rewritten(let from, let to): "seq \(from)..<\(to): the log was rewritten between these two checkpoints"
        case .root: "the checkpoint's root does not belong to this bundle"
        case .unproven(let seq): "seq \(seq): no proof leads from the entry to the checkpoint"
        case .uncosigned(let witness): "the checkpoint is not cosigned by \(witness)"
        case .unusable(let what): what
        }
    }
}

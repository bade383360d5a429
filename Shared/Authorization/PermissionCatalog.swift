package import Contracts

/// The place of a permission in every `PermissionSet`; looked up once per operation, then a decision is a bit test.
package struct PermissionBit: Hashable, Sendable {
    package let index: Int

    init(_ index: Int) { self.index = index }
}

/// All permissions that any role holds, each with its bit.
package enum PermissionCatalog {
    package static let all: [(permission: Permission, bit: PermissionBit)] = {
        precondition(
            Roles.rules.count <= PermissionSet.capacity,
            "Cannot hold more permissions than a set has bits; widen it"
        )
        return Roles.rules.enumerated().map { ($0.element.permission, PermissionBit($0.offset)) }
    }()

    private static let bits = Dictionary(uniqueKeysWithValues: all.map { ($0.permission, $0.bit) })

    /// The permission's bit; `nil` for one that no role holds, which nobody has then.
    package static func bit(of permission: Permission) -> PermissionBit? { bits[permission] }

    /// The names of a set's permissions, sorted.
    package static func names(in set: PermissionSet) -> [String] {
        all.filter { set.contains($0.bit) }.map(\.permission.name).sorted()
    }
}

/// A set of permissions as bits.
package struct PermissionSet: Hashable, Sendable {
    package static let capacity = 256

    private var first: UInt128 = 0
    private var second: UInt128 = 0

    package init() {}

    package mutating func insert(_ bit: PermissionBit) {
        if bit.index < 128 { first |= 1 << UInt128(bit.index) } else { second |= 1 << UInt128(bit.index - 128) }
    }

    package func contains(_ bit: PermissionBit) -> Bool {
        bit.index < 128
            ? first >> UInt128(bit.index) & 1 == 1 : second >> UInt128(bit.index - 128) & 1 == 1
    }

    package var isEmpty: Bool { first == 0 && second == 0 }
}

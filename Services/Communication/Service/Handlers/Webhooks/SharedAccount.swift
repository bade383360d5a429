import Core
import Postgres

/// Finds out which clinics something concerns that came to the installation's own account, which writes for many of them.
///
/// It is the clinic's whose message it names; where it names none, the only clinic's that has written to its sender lately. Where
/// several have, nobody is told what may be another's.
struct SharedAccount: Sendable {
    /// What something names, each by its keyed hash (`ProviderIDHash`).
    struct Names: Sendable {
        /// The messages that it is about or answers, the nearest first.
        var messages: [[UInt8]] = []
        /// Who sent it or is meant, by all names under which they may have been written to.
        var person: [[UInt8]] = []
    }

    /// The clinics that it may be for.
    struct Clinics: Sendable {
        /// Whose message is named.
        let owner: ClinicID?
        /// All that have written to the person lately.
        let writers: Set<ClinicID>

        /// The one that it is for; `nil` where nobody can tell.
        var addressee: ClinicID? { owner ?? (writers.count == 1 ? writers.first : nil) }
    }

    let database: Database

    /// The clinics of each, in the same order, in one look-up.
    func clinics(of names: [Names]) async throws -> [Clinics] {
        guard !names.isEmpty else { return [] }
        let (owners, writers) = try await database.through(.lookup) { tx in
            (
                try MessageClinicStore.clinics(Array(Set(names.flatMap(\.messages))), in: tx),
                try RecipientClinicStore.all(Array(Set(names.flatMap(\.person))), in: tx)
            )
        }
        return names.map { names in
            Clinics(
                owner: names.messages.lazy.compactMap { owners[$0] }.first,
                writers: names.person.reduce(into: []) { $0.formUnion(writers[$1] ?? []) }
            )
        }
    }

    /// Each by the clinic that it is for, and those that are nobody's.
    func sorted<Item>(
        _ items: [Item],
        by names: (Item) -> Names
    ) async throws -> (known: [ClinicID: [Item]], unknown: [Item]) {
        var found: (known: [ClinicID: [Item]], unknown: [Item]) = ([:], [])
        for (item, clinics) in zip(items, try await clinics(of: items.map(names))) {
            if let clinic = clinics.addressee {
                found.known[clinic, default: []].append(item)
            } else {
                found.unknown.append(item)
            }
        }
        return found
    }
}

/// In which order a list has what was made one after the other.
package enum TimeOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-createdAt"
    case oldestFirst = "createdAt"
}

/// In which order a list has what has a name.
package enum NameOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case ascending = "name"
    case descending = "-name"
}

/// In which order a list has what is looked through as well as read as it grows.
package enum DirectoryOrder: String, Hashable, Sendable, Codable, CaseIterable {
    case newestFirst = "-createdAt"
    case oldestFirst = "createdAt"
    case byName = "name"
    case byNameDescending = "-name"
}

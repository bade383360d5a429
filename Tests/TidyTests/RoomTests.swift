import Testing

/// A folder that has grown is sorted by noun (`Handlers/Webhooks`), so that whoever opens it takes it in at a glance.
@Suite struct RoomTests {
    /// Swift files in one folder, those of its folders not counted.
    private static let most = 22

    @Test func noFolderHasMoreFilesThanOneTakesIn() {
        let folders = Dictionary(grouping: SourceTree.swift(), by: \.folder)
        #expect(folders.count > 100)
        for (folder, files) in folders where files.count > Self.most {
            Issue.record("\(folder) has \(files.count) files; sort them into folders by what they are about")
        }
    }
}

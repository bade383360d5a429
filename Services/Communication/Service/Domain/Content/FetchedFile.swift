/// What came of getting a file that somebody has sent.
enum FetchedFile: Sendable, Equatable {
    case kept(bytes: [UInt8], type: String)
    /// It is not to be had, or not to be kept; for a reason of ours.
    case refused(String)
    /// Perhaps another time.
    case later
}

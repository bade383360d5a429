package import Core

/// How far the series have come that number a process' audit entries: told every minute, so that whoever collects the
/// entries notices when the last of a series are missing.
package struct AuditHeads: Wire, Hashable {
    package struct Head: Wire, Hashable {
        package var series: SeriesID
        /// The number of the last entry that was committed; numbers begin with 1.
        package var number: Int64

        package init(series: SeriesID, number: Int64) {
            self.series = series
            self.number = number
        }
    }

    package var heads: [Head]

    package init(heads: [Head]) { self.heads = heads }
}

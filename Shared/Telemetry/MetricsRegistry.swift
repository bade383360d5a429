package import CoreMetrics
import Synchronization

/// Keeps what the process measures and writes it in Prometheus' text format.
///
/// Bounded: beyond `mostSeries` label sets of one metric all further ones share the label set `other`.
package final class MetricsRegistry: MetricsFactory {
    package static let mostSeries = 200
    package static let mostMetrics = 500

    private struct Family: Sendable {
        var kind: MetricKind
        var series: [[MetricSeries.Label]: MetricSeries] = [:]
    }

    private let families = Mutex<[String: Family]>([:])
    /// Swallows what is beyond `mostMetrics`.
    private let overflow = MetricSeries(kind: .counter)

    package init() {}

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler { FloatingPointSeries(series(label, dimensions, .counter)) }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram)
    }

    // Series stay for the life of the process: a counter that vanished and came back would look like a restart.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}

    /// Everything in Prometheus' text format, version 0.0.4.
    package func exposition() -> String {
        let all = families.withLock { $0 }.sorted { $0.key < $1.key }
        var text = ""
        for (name, family) in all {
            if let help = MetricName(rawValue: name)?.help { text += "# HELP \(name) \(help)\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                series.write(name: name, labels: labels, to: &text)
            }
        }
        return text
    }

    private func series(_ name: String, _ dimensions: [(String, String)], _ kind: MetricKind) -> MetricSeries {
        let name = MetricSeries.name(name)
        var labels = dimensions.map { MetricSeries.Label(name: MetricSeries.name($0.0), value: $0.1) }.sorted()
        return families.withLock { families in
            if families[name] == nil {
                guard families.count < Self.mostMetrics else { return overflow }
                families[name] = Family(kind: kind)
            }
            if let known = families[name]?.series[labels] { return known }
            if (families[name]?.series.count ?? 0) >= Self.mostSeries { labels = labels.map { $0.other } }
            if let known = families[name]?.series[labels] { return known }
            let made = MetricSeries(kind: families[name]?.kind ?? kind)
            families[name]?.series[labels] = made
            return made
        }
    }
}

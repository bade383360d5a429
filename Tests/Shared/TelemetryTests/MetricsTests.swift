import CoreMetrics
import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func countersGaugesAndHistogramsAsPrometheusReadsThem() {
        let registry = MetricsRegistry()
        let name = MetricName.operations.rawValue
        registry.makeCounter(label: name, dimensions: [("outcome", "do\"ne\n"), ("operation", "book")]).increment(by: 2)
        registry.makeCounter(label: name, dimensions: [("operation", "book"), ("outcome", "do\"ne\n")]).increment(by: 1)
        registry.makeMeter(label: "depth.now", dimensions: []).set(1.5)
        let timer = registry.makeTimer(label: MetricName.operationDuration.rawValue, dimensions: [])
        timer.recordNanoseconds(3_000_000)
        timer.recordNanoseconds(20_000_000_000)
        let text = registry.exposition()
        #expect(text.contains("# HELP \(name) \(MetricName.operations.help)\n# TYPE \(name) counter\n"))
        #expect(text.contains("\(name){operation=\"book\",outcome=\"do\\\"ne\\n\"} 3\n"))
        #expect(text.contains("# TYPE depth_now gauge\ndepth_now 1.5\n"))
        let duration = MetricName.operationDuration.rawValue
        #expect(text.contains("\(duration)_bucket{le=\"0.0025\"} 0\n"))
        #expect(text.contains("\(duration)_bucket{le=\"0.005\"} 1\n"))
        #expect(text.contains("\(duration)_bucket{le=\"10\"} 1\n"))
        #expect(text.contains("\(duration)_bucket{le=\"+Inf\"} 2\n"))
        #expect(text.contains("\(duration)_sum 20.003\n"))
        #expect(text.contains("\(duration)_count 2\n"))
    }

    @Test func labelSetsAreBounded() {
        let registry = MetricsRegistry()
        for value in 0..<1_000 { registry.makeCounter(label: "c", dimensions: [("id", "\(value)")]).increment(by: 1) }
        let lines = registry.exposition().split(separator: "\n").filter { $0.hasPrefix("c{") }
        #expect(lines.count == MetricsRegistry.mostSeries + 1)
        #expect(lines.contains("c{id=\"other\"} \(1_000 - MetricsRegistry.mostSeries)"))
    }

    @Test func namesAreUniqueAndFollowTheRules() {
        for name in MetricName.allCases {
            #expect(name.rawValue.hasPrefix("polyclinic_"))
            #expect(name.help.hasSuffix("."))
        }
    }
}

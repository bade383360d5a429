import Core
import CoreMetrics
import Synchronization

/// What a metric is, as Prometheus names it.
enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// One metric under one set of labels.
final class MetricSeries: Sendable {
    struct Label: Hashable, Comparable, Sendable {
        let name: String
        let value: String

        var other: Label { Label(name: name, value: "other") }

        static func < (left: Label, right: Label) -> Bool {
            left.name != right.name ? left.name < right.name : left.value < right.value
        }
    }

    private struct Value: Sendable {
        var sum = 0.0
        var count = 0
        var buckets: [Int]
    }

    /// Upper bounds in seconds, from half a millisecond to ten seconds.
    static let bounds: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    private let kind: MetricKind
    private let value: Mutex<Value>

    init(kind: MetricKind) {
        self.kind = kind
        value = Mutex(Value(buckets: kind == .histogram ? Array(repeating: 0, count: Self.bounds.count) : []))
    }

    func add(_ amount: Double) { value.withLock { $0.sum += amount } }

    func observe(_ observed: Double) {
        value.withLock { value in
            guard kind == .histogram else {
                value.sum = observed
                return
            }
            value.sum += observed
            value.count += 1
            if let bucket = Self.bounds.firstIndex(where: { observed <= $0 }) { value.buckets[bucket] += 1 }
        }
    }

    func write(name: String, labels: [Label], to text: inout String) {
        let value = value.withLock { $0 }
        guard kind == .histogram else {
            text += "\(name)\(Self.spelled(labels)) \(Self.number(value.sum))\n"
            return
        }
        var total = 0
        for (bound, count) in zip(Self.bounds, value.buckets) {
            total += count
            text += "\(name)_bucket\(Self.spelled(labels + [Label(name: "le", value: Self.number(bound))])) \(total)\n"
        }
        text += "\(name)_bucket\(Self.spelled(labels + [Label(name: "le", value: "+Inf")])) \(value.count)\n"
        text += "\(name)_sum\(Self.spelled(labels)) \(Self.number(value.sum))\n"
        text += "\(name)_count\(Self.spelled(labels)) \(value.count)\n"
    }

    /// The name with everything that Prometheus does not allow in names turned into `_`.
    static func name(_ text: String) -> String {
        let plain = text.utf8.map { byte in
            byte.isLetterOrDigit ? byte : UInt8(ascii: "_")
        }
        let name = String(decoding: plain, as: UTF8.self)
        return name.utf8.first.map(\.isDigit) == true ? "_" + name : name
    }

    private static func spelled(_ labels: [Label]) -> String {
        if labels.isEmpty { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ",") + "}"
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
    }

    private static func number(_ number: Double) -> String {
        if let whole = Int64(exactly: number) { return String(whole) }
        return number.isNaN ? "NaN" : number.isInfinite ? (number > 0 ? "+Inf" : "-Inf") : String(number)
    }
}

extension MetricSeries: CounterHandler {
    func increment(by amount: Int64) { add(Double(amount)) }
    func reset() { value.withLock { $0.sum = 0 } }
}

extension MetricSeries: MeterHandler, RecorderHandler, TimerHandler {
    func set(_ amount: Int64) { observe(Double(amount)) }
    func set(_ amount: Double) { observe(amount) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func record(_ amount: Int64) { observe(Double(amount)) }
    func record(_ amount: Double) { observe(amount) }
    func recordNanoseconds(_ duration: Int64) { observe(Double(duration) / 1_000_000_000) }
}

/// A counter of fractions; a type of its own because it resets as a counter and adds as a meter.
final class FloatingPointSeries: FloatingPointCounterHandler {
    private let series: MetricSeries

    init(_ series: MetricSeries) { self.series = series }

    func increment(by amount: Double) { series.add(amount) }
    func reset() { series.reset() }
}

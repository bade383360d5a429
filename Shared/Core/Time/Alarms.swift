import Synchronization

/// Moments at which something is done unless it is called off before: time limits, waits that mostly end early.
///
/// The runtime keeps the timer of a sleep that was cancelled until its time has come. With a sleep each, a thousand calls a
/// second that may take twenty seconds would leave twenty thousand timers behind; here few sleeps look after all.
package final class Alarms: Sendable {
    /// Everybody's.
    package static let shared = Alarms()

    /// One that was set.
    package struct Alarm: Sendable {
        fileprivate let number: Int
    }

    private struct State {
        var last = 0
        var alarms: [Int: (at: ContinuousClock.Instant, ring: @Sendable () -> Void)] = [:]
        /// When somebody will look for what is due.
        var looks: [ContinuousClock.Instant] = []

        /// The moment for which a sleep is to be begun; `nil` where one ends early enough.
        mutating func nextLook() -> ContinuousClock.Instant? {
            guard let due = alarms.values.lazy.map(\.at).min() else { return nil }
            return look(by: due)
        }

        mutating func look(by moment: ContinuousClock.Instant) -> ContinuousClock.Instant? {
            if looks.contains(where: { $0 <= moment }) { return nil }
            looks.append(moment)
            return moment
        }
    }

    private let state = Mutex(State())

    package init() {}

    /// How many sleeps there are.
    package var sleeps: Int { state.withLock { $0.looks.count } }

    /// Has `ring` called once the time is over, unless the alarm is called off before.
    ///
    /// - Parameter ring: must not wait.
    package func set(after time: Duration, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        let moment = ContinuousClock.now + time
        let (alarm, look) = state.withLock { state in
            state.last += 1
            state.alarms[state.last] = (moment, ring)
            return (Alarm(number: state.last), state.look(by: moment))
        }
        if let look { sleep(until: look) }
        return alarm
    }

    /// Gives whether it was called off before it rang.
    @discardableResult
    package func callOff(_ alarm: Alarm) -> Bool {
        state.withLock { $0.alarms.removeValue(forKey: alarm.number) } != nil
    }

    private func sleep(until moment: ContinuousClock.Instant) {
        // Nobody's child: it looks after others' alarms when whoever set this one has gone.
        Task {
            try? await Task.sleep(until: moment, clock: .continuous)
            self.look(moment)
        }
    }

    private func look(_ moment: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        let (due, next) = state.withLock { state in
            if let place = state.looks.firstIndex(of: moment) { state.looks.remove(at: place) }
            let due = state.alarms.filter { $0.value.at <= now }
            for number in due.keys { state.alarms[number] = nil }
            return (due.values.sorted { $0.at < $1.at }.map(\.ring), state.nextLook())
        }
        for ring in due { ring() }
        if let next { sleep(until: next) }
    }
}

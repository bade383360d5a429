import Contracts
import Core
import FoundationEssentials
import Synchronization
import TestKit
import Testing

/// Messages and bookings that go on while something breaks, and what was accepted of them.
struct Load: Sendable {
    /// Messages, and bookings, of one fault; `POLYCLINIC_FAULT_COUNT` sets it, 2000 is the full measure.
    static let count =
        ProcessInfo.processInfo.environment["POLYCLINIC_FAULT_COUNT"].flatMap { Int($0) }.map { max(4, $0) } ?? 60
    static let callers = 8

    struct Accepted: Sendable {
        /// Message id by subject.
        var messages: [String: String] = [:]
        /// Appointment id by start.
        var appointments: [String: String] = [:]
        var total: Int { messages.count + appointments.count }
    }

    let suite: RunningSuite
    private let accepted = LockedBox(Accepted())

    init(_ suite: RunningSuite) { self.suite = suite }

    /// Sends everything, breaks something when a quarter is accepted, and returns when all is certain.
    func run(breaking fault: () async throws -> Void) async throws -> Accepted {
        let desk = try await suite.receptionist()
        let admin = try await suite.admin()
        let service = try await suite.shortVisit(by: desk)
        let starts = try await suite.freeSlots(Self.count, service: service, by: desk)
        let subjects = (0..<Self.count).map { "Visit \($0) \(RequestID())" }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for caller in 0..<Self.callers {
                tasks.addTask {
                    for index in stride(from: caller, to: Self.count, by: Self.callers) {
                        let message = try await admin.insist(
                            "/communication/messages",
                            RunningSuite.message(subjects[index])
                        )
                        guard message.status == 202 else { throw TestKitError("refused: \(message.text)") }
                        let messageID = try message.json.text("id")
                        let booked = try await desk.insist(
                            "/appointments",
                            suite.booking(starts[index], service: service)
                        )
                        guard booked.status == 201 else { throw TestKitError("refused: \(booked.text)") }
                        let appointmentID = try booked.json.text("id")
                        accepted.change {
                            $0.messages[subjects[index]] = messageID
                            $0.appointments[starts[index]] = appointmentID
                        }
                    }
                }
            }
            try await eventually("a quarter is accepted", within: .seconds(120)) {
                accepted.value.total >= Self.count / 2
            }
            try await fault()
            try await tasks.waitForAll()
        }
        #expect(accepted.value.messages.count == Self.count && accepted.value.appointments.count == Self.count)
        return accepted.value
    }
}

/// A value that several tasks change.
final class LockedBox<Value: Sendable>: Sendable {
    private let state: Mutex<Value>

    init(_ value: Value) { state = Mutex(value) }

    var value: Value { state.withLock { $0 } }
    func change(_ body: @Sendable (inout Value) -> Void) { state.withLock { body(&$0) } }
}

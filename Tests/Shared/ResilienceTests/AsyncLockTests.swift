import Resilience
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct AsyncLockTests {
    private struct Refused: Error {}

    private final class Room: Sendable {
        let inside = Atomic(0)
        let most = Atomic(0)
        let ended = Atomic(0)
    }

    @Test func oneRunsAtATimeAndAllHaveTheirTurn() async {
        let (queue, room) = (AsyncLock(), Room())
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask {
                    try? await queue.run {
                        let here = room.inside.add(1, ordering: .relaxed).newValue
                        room.most.max(here, ordering: .relaxed)
                        await Task.yield()
                        room.inside.subtract(1, ordering: .relaxed)
                        room.ended.add(1, ordering: .relaxed)
                        // Whoever fails passes the turn on as well.
                        if number % 3 == 0 { throw Refused() }
                    }
                }
            }
        }
        #expect(room.most.load(ordering: .relaxed) == 1)
        #expect(room.ended.load(ordering: .relaxed) == 50)
    }
}

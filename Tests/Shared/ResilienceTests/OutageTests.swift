import Resilience
import Testing

@Suite struct OutageTests {
    @Test func itIsSaidOnceThatItBeginsAndOnceThatItIsOver() {
        let outage = Outage<Int>()
        #expect(!outage.worked(1))
        #expect(outage.failed(1))
        #expect(!outage.failed(1) && !outage.failed(2))
        #expect(!outage.worked(1), "the other part still fails")
        #expect(!outage.failed(1))
        #expect(!outage.worked(2))
        #expect(outage.worked(1))
        #expect(!outage.worked(1) && !outage.worked(2))
        #expect(outage.failed(2), "another outage")
    }
}

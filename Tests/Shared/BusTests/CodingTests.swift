import Core
import Testing

@testable import Bus

@Suite struct CodingTests {
    private func header(of request: BusRequest) -> EntryHeader {
        EntryHeader(
            kind: .request,
            writer: "gateway",
            keyID: "k",
            id: request.id,
            clinic: request.clinic,
            traceparent: request.trace.traceparent
        )
    }

    @Test func truncatedOrGarbledBytesAreRefused() throws {
        let request = TestBus.request("{\"a\":1}")
        let header = self.header(of: request)
        let bytes = request.encodedContent()
        #expect(try BusRequest(content: bytes, header: header, deadline: request.deadline) == request)
        for count in 0..<bytes.count {
            #expect(throws: ByteCodingError.self) {
                _ = try BusRequest(content: Array(bytes.prefix(count)), header: header, deadline: request.deadline)
            }
        }
        #expect(throws: ByteCodingError.self) {
            _ = try BusRequest(content: bytes + [0], header: header, deadline: request.deadline)
        }
        let encoded = header.encoded()
        for count in 0..<encoded.count {
            #expect(throws: ByteCodingError.self) { _ = try EntryHeader(encoded: Array(encoded.prefix(count))) }
        }
    }

    @Test func anEmergencyAccessTravelsWithThePrincipal() throws {
        var request = TestBus.request("{}")
        let plain = request.encodedContent()
        request.principal.emergency = Emergency(
            id: BreakGlassID(),
            patient: PatientID(),
            expiresAt: Instant(microseconds: 1_700_000_000_123_456)
        )
        let header = self.header(of: request)
        let bytes = request.encodedContent()
        #expect(Array(bytes.prefix(plain.count)) == plain)
        #expect(try BusRequest(content: bytes, header: header, deadline: request.deadline) == request)
        for count in plain.count + 1..<bytes.count {
            #expect(throws: ByteCodingError.self) {
                _ = try BusRequest(content: Array(bytes.prefix(count)), header: header, deadline: request.deadline)
            }
        }
    }

    @Test(arguments: [nil, [], ["messages:read_content", "messages:send_critical"]] as [[String]?])
    func whatIsHeldWithinTravelsWithThePrincipal(held: [String]?) throws {
        var request = TestBus.request("{}")
        request.headers = ["x-signature": "s"]
        request.principal.heldWithin = held
        let header = self.header(of: request)
        let read = try BusRequest(content: request.encodedContent(), header: header, deadline: request.deadline)
        #expect(read == request && read.headers == ["x-signature": "s"])
    }

    @Test func hostileLengthsAreRefusedBeforeAnythingIsMade() {
        var reader = ByteReader([0xFF, 0xFF, 0xFF, 0xFF, 1])
        #expect(throws: ByteCodingError.self) { _ = try reader.block() }
        var counted = ByteReader([0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: ByteCodingError.self) { _ = try counted.count() }
    }

    @Test(arguments: [
        Scope.clinic, .account, .own(PatientID()), .treated(DoctorID()), .locations([]),
        .locations([LocationID(), LocationID()]),
    ])
    func scopesComeBack(scope: Scope) throws {
        var request = TestBus.request()
        request.scope = scope
        let header = self.header(of: request)
        #expect(
            try BusRequest(content: request.encodedContent(), header: header, deadline: request.deadline) == request
        )
    }

    @Test func keysOfOnePartitionShareATag() {
        let keys = Keyspace(prefix: "x")
        #expect(keys.requests(.access) == "x:{rpc:access}:requests")
        #expect(keys.replies(.access, process: "gateway", instance: "i") == "x:{rpc:access}:replies:gateway:i")
        #expect(keys.requestQuarantine(.access) == "x:{rpc:access}:quarantine")
        #expect(keys.events(.billing) == "x:{events:billing}:stream")
        #expect(keys.broadcast("access") == "x:{broadcast:access}:stream")
    }
}

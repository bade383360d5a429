import CommunicationAPI
import Contracts

extension MessageDraft {
    /// As a batch holds it.
    func json() throws -> JSONValue { try JSONTape(JSONWriter.encode(self)).decode(JSONValue.self) }
}

extension MessageBatch {
    init(messages: [JSONValue]) throws {
        self.init(messages: try messages.map { RawJSON(try JSONWriter.encode($0)) })
    }
}

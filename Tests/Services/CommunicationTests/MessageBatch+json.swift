import CommunicationAPI
import Contracts

extension MessageBatch {
    init(messages: [JSONValue]) throws {
        self.init(messages: try messages.map { RawJSON(try JSONWriter.encode($0)) })
    }
}

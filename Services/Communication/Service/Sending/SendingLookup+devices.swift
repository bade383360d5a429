import CommunicationAPI
import Core

/// Which of their contacts' devices messages go to by push: which there are is known when they are sent.
extension SendingLookup {
    /// The contacts among whose devices one is to be found.
    static func holders(among candidates: [Candidate]) -> [ContactID] {
        Array(Set(candidates.filter(\.isForDevices).compactMap(\.content.contact)))
    }
}

extension SendingLookup.Candidate {
    /// Whether it may still go by push, to the contact's devices.
    var isForDevices: Bool {
        content.isForDevices == true && message.channels.dropFirst(message.stage).contains(MessageChannel.push.rawValue)
    }

    /// Whether an attempt told of a device alone, which has been given up since: the others are there all the same.
    func isAboutDevice(_ attempt: StoredAttempt) -> Bool {
        content.isForDevices == true && attempt.channel == MessageChannel.push.rawValue
            && attempt.outcome == .badRecipient
    }

    /// The message with the address of the contact's device that is called first, the devices that may be called, and, where
    /// none of them may be, what keeps messages away from the last registered.
    func reached(
        by devices: [ContactID: [StoredDevice]],
        _ suppressed: [StoredSuppression]
    ) -> (content: SealedContent, devices: [PushDevice], pairs: [(channel: MessageChannel, addressIndex: [UInt8])]) {
        guard isForDevices, let all = content.contact.flatMap({ devices[$0] }), let last = all.first else {
            return (content, [], [])
        }
        let open = all.filter {
            SuppressionStore.weightiest(suppressed, [(.push, $0.addressIndex)], message.category).isEmpty
        }
        var content = content
        content.pushToken = (open.first ?? last).token.unredacted
        return (content, open.map { PushDevice($0) }, open.isEmpty ? [(.push, last.addressIndex)] : [])
    }
}

extension PushDevice {
    init(_ stored: StoredDevice) {
        self.init(
            token: stored.token,
            addressIndex: stored.addressIndex,
            registeredAt: stored.registeredAt,
            isFresh: stored.takenAt == nil
        )
    }
}

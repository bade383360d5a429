import CommunicationAPI
import Core
import Jobs
import ProviderConfig

/// What a call has shown of the recipient's address, and of who may answer.
extension SendingRound {
    /// That somebody may answer to the installation's number or address, which is then for this clinic; `nil` where nobody
    /// answers, and where nothing was handed over that could be answered.
    func answering(_ entry: ProviderEntry, after outcome: AttemptOutcome) -> PendingWrite? {
        guard entry.isDefault, outcome == .accepted || outcome == .unknownOutcome,
            let channel = MessageChannel(rawValue: entry.channel),
            channel != .push,
            let address = prepared.content.reach.address(on: channel)
        else { return nil }
        return .wrote(providerIDs.hash(entry.provider, to: address), at: .now())
    }

    /// Whether the app on the contact's device is gone; who was not asked cannot know.
    func isGone(_ verdict: ProviderVerdict, _ entry: ProviderEntry) -> Bool {
        verdict.outcome == .badRecipient && verdict.host != .untried && entry.channel == MessageChannel.push.rawValue
    }

    /// What is to be kept of an address after a call; `nil` where the verdict is not about it.
    ///
    /// A contact's device whose app is gone is given up, not suppressed: when it is there again, the app says so.
    func finding(after verdict: ProviderVerdict, by entry: ProviderEntry) -> PendingWrite? {
        guard entry.channel == MessageChannel.push.rawValue, let device = prepared.devices.first else {
            return suppression(after: verdict, by: entry)
        }
        if isGone(verdict, entry) { return .gone(device) }
        return verdict.outcome == .accepted && device.isFresh ? .reached(device, at: .now()) : nil
    }

    /// Alerts whoever can mend that a provider does not send from this sender; what was not worth a call is no news of it.
    mutating func alert(after verdict: ProviderVerdict, by entry: ProviderEntry) async {
        guard verdict.outcome == .senderNotAuthorised, verdict.host != .untried, !verdict.isAboutLetters else { return }
        if entry.isDefault {
            let subject = AlertStore.subject(of: entry)
            await AlertStore.raiseForOperators(.senderNotAuthorised, about: subject, in: job.database, log: job.log)
        } else {
            pending.append(.alert(.senderNotAuthorised, entry))
        }
    }

    /// That an address is not to be called again; `nil` where the verdict is not about the address.
    private func suppression(after verdict: ProviderVerdict, by entry: ProviderEntry) -> PendingWrite? {
        guard let reason = SuppressionRules.reason(after: verdict),
            let channel = MessageChannel(rawValue: entry.channel),
            let address = prepared.content.reach.address(on: channel)
        else { return nil }
        let index = parts.index.token(address, job.clinic)
        return .suppressed(
            SuppressionStore(dataKeys: parts.dataKeys),
            address,
            index: index,
            reason,
            category: verdict.isAboutCategory ? prepared.message.category : nil,
            by: entry
        )
    }
}

import CommunicationAPI
import Contracts
import ProviderConfig

extension SendingRate {
    /// The rate of an entry in force: what the clinic has set, which on the installation's account only lowers what it may.
    ///
    /// - Parameters:
    ///   - settings: the clinic's, whose own the entry need not be.
    ///   - installation: the settings beside the installation's providers; of no use for an entry of the clinic's own.
    init(
        of entry: ProviderEntry,
        in providers: MessageProviders,
        settings: [String: JSONValue],
        installation: [String: JSONValue]
    ) {
        let channel = MessageChannel(rawValue: entry.channel)
        let wanted = SendingRate(of: entry.provider, channel, in: providers, settings: settings)
        guard entry.isDefault else {
            self = wanted
            return
        }
        let account = SendingRate(of: entry.provider, channel, in: providers, settings: installation)
        let isSet = settings["rates"]?[entry.provider] != nil
        self.init(
            perSecond: isSet ? min(wanted.perSecond, account.perSecond) : account.perSecond,
            dailyCap: wanted.dailyCap,
            ofAccount: account.perSecond
        )
    }
}

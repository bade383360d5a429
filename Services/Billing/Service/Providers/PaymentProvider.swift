import BillingAPI
import Core
import ProviderConfig

/// What a provider says a payment of ours is.
struct ProviderPayment: Sendable, Equatable {
    /// The provider's id.
    let id: String
    let status: PaymentStatus
    let amount: Money
    /// Minor units that have arrived.
    let received: Int64
    /// Our id, as we gave it to the provider.
    let paymentID: PaymentID?
    /// With this the payer confirms.
    let clientSecret: Secret?
}

/// What became of a call.
enum ProviderAnswer: Sendable, Equatable {
    case payment(ProviderPayment)
    /// It will say the same again; the code is stable and holds no values.
    case refused(String)
    /// The clinic's credentials are wrong.
    case credentials(String)
    /// Nothing happened; later may be better.
    case transient(String)
    /// It may have happened: only asking, or repeating with the same key, can tell.
    case unknown(String)
}

/// A payment to be begun with a provider.
struct PaymentOrder: Sendable {
    let clinic: ClinicID
    let payment: PaymentID
    let amount: Money
    let returnURL: String?

    /// The same for every repetition, so that the provider begins one payment only.
    var idempotencyKey: String { "payment-\(payment)" }
}

/// A provider's notice whose signature was right.
struct ProviderNotice: Sendable, Equatable {
    let eventID: String
    let kind: String
    /// The payment it is about; `nil` if it is about something else.
    let providerPaymentID: String?
    let paymentID: PaymentID?
}

/// A payment provider.
///
/// Adding one is a file with a conformance, and a line where the service is built.
protocol PaymentProvider: Sendable {
    var name: String { get }
    /// The credentials that it takes.
    var shape: CredentialShape { get }
    func begin(_ order: PaymentOrder, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer
    func read(_ id: String, with entry: ProviderEntry, deadline: Deadline) async -> ProviderAnswer
    /// Throws 401 for a signature that does not fit, 400 for a body that cannot be read.
    func notice(
        _ body: [UInt8],
        headers: [String: String],
        of entry: ProviderEntry,
        at now: Instant
    ) throws(Problem) -> ProviderNotice
}

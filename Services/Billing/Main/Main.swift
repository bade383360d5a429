import Billing

@main
enum Main {
    static func main() async throws { try await BillingService.run() }
}

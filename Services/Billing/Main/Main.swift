import Billing
import Launch

@main
enum Main {
    static func main() async { await launch("billing") { try await BillingService.run() } }
}

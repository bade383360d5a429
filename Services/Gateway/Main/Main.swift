import Gateway
import Launch

@main
enum Main {
    static func main() async { await launch("gateway") { try await GatewayService.run() } }
}

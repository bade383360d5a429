import Gateway

@main
enum Main {
    static func main() async throws { try await GatewayService.run() }
}

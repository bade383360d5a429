import Sandbox

@main
enum Main {
    static func main() async throws { try await SandboxService.run() }
}

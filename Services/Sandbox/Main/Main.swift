import Launch
import Sandbox

@main
enum Main {
    static func main() async { await launch("sandbox") { try await SandboxService.run() } }
}

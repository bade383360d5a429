import Access
import Launch

@main
enum Main {
    static func main() async { await launch("access") { try await AccessService.run() } }
}

import Communication
import Launch

@main
enum Main {
    static func main() async { await launch("communication") { try await CommunicationService.run() } }
}

import Communication

@main
enum Main {
    static func main() async throws { try await CommunicationService.run() }
}

import Access

@main
enum Main {
    static func main() async throws { try await AccessService.run() }
}

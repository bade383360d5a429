import Appointments

@main
enum Main {
    static func main() async throws { try await AppointmentsService.run() }
}

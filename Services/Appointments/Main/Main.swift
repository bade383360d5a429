import Appointments
import Launch

@main
enum Main {
    static func main() async { await launch("appointments") { try await AppointmentsService.run() } }
}

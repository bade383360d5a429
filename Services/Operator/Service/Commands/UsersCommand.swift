import AccessAPI
import ArgumentParser
import Contracts
import Core
import Settings

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users",
        abstract: "Make accounts of the installation.",
        subcommands: [Create.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account and print its one-time link.",
            discussion: "Whoever opens the link first sets the password. The link is shown once."
        )
        @OptionGroup var common: CommonOptions
        @Flag(help: "Give it the role SUPER_ADMIN.") var superAdmin = false
        @Option(help: "The person's address.") var email: String
        @Option(help: "The person's name.") var name = "Super admin"

        func run() async throws {
            guard let address = EmailAddress(email) else { throw ValidationError("--email \(EmailAddress.complaint)") }
            let (name, superAdmin) = (name, superAdmin)
            let user = try await OperatorBus.with(Installation.find(Settings.load())) { bus in
                superAdmin
                    ? try await SuperAdmin.invite(email: address, name: name, over: bus)
                    : try await bus.call(SystemUserEndpoints().create, SystemUserDraft(email: address, name: name))
            }
            guard let invitation = user.invitation, let url = invitation.url, let token = invitation.token else {
                throw OperatorError("the account was made, but without a link")
            }
            if common.json {
                return try Terminal.json([
                    "id": .string("\(user.id)"), "url": .string(url), "token": .string(token),
                    "expiresAt": .string(invitation.expiresAt.rfc3339),
                ])
            }
            Terminal.line("\(url)\nGood once, until \(invitation.expiresAt).")
        }
    }
}

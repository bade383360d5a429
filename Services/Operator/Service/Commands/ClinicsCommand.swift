import AccessAPI
import ArgumentParser
import Contracts
import Core
import Settings

struct ClinicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinics",
        abstract: "Make and suspend clinics.",
        subcommands: [Create.self, Suspend.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a clinic.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The clinic's name.") var name: String
        @Option(help: "Its name in links: 2 to 63 of a-z, 0-9 and -.") var slug: String
        @Option(help: "An IANA time zone, Europe/Berlin.") var timeZone: String
        @Option(help: "An ISO 4217 currency, EUR.") var currency: String
        @Option(help: "An ISO 3166 country, DE.") var country: String
        @Option(help: "A language tag, de-DE.") var locale: String?

        func run() async throws {
            guard let slug = Slug(slug) else { throw ValidationError("--slug is not a slug") }
            guard let zone = TimeZoneName(timeZone) else {
                throw ValidationError("--time-zone is not a time zone's name")
            }
            guard let money = Currency(currency) else { throw ValidationError("--currency is not a currency") }
            let draft = ClinicDraft(
                name: name,
                slug: slug,
                timeZone: zone,
                currency: money,
                country: country,
                locale: locale
            )
            let clinic = try await OperatorBus.with(Installation.find(Settings.load())) { bus in
                try await bus.call(ClinicEndpoints().create, draft)
            }
            try clinic.show(common)
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Close a clinic to everybody but system roles.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The clinic's id.") var id: ClinicID

        func run() async throws {
            let id = id
            let clinic = try await OperatorBus.with(Installation.find(Settings.load())) { bus in
                try await bus.call(ClinicEndpoints().suspend, ClinicPath(clinicId: id), clinic: id)
            }
            try clinic.show(common)
        }
    }
}

extension Clinic {
    fileprivate func show(_ common: CommonOptions) throws {
        if common.json {
            return try Terminal.json([
                "id": .string("\(id)"), "slug": .string("\(slug)"), "name": .string(name),
                "status": .string(status.rawValue),
            ])
        }
        Terminal.line("\(id)  \(slug)  \(status.rawValue)  \(name)")
    }
}

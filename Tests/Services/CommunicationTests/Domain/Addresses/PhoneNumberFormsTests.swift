import CommunicationAPI
import Core
import Testing
import Vault

@testable import Communication

@Suite struct PhoneNumberFormsTests {
    @Test(
        arguments: [
            // Mexico, with the 1 of before.
            ("+525512345678", "+525512345678"), ("+5215512345678", "+525512345678"),
            ("+5219991234567", "+529991234567"),
            // Argentina, at home and from abroad, with area codes of two, three and four digits.
            ("+541123456789", "+5491123456789"), ("+5491123456789", "+5491123456789"),
            ("+54111523456789", "+5491123456789"), ("+542211554567890", "+542211554567890"),
            ("+54221154567890", "+5492214567890"), ("+54296615456789", "+5492966456789"),
            // Brazil, before and with the ninth digit.
            ("+551198765432", "+5511998765432"), ("+5511998765432", "+5511998765432"),
            ("+554161234567", "+5541961234567"),
            // A line, and a mobile number whose eight digits could be a line's.
            ("+551132165498", "+551132165498"), ("+5511932165498", "+5511932165498"),
            // Too short or too long for one of them.
            ("+52551234567", "+52551234567"), ("+52155123456789", "+52155123456789"),
            ("+54112345678", "+54112345678"), ("+549112345678", "+549112345678"),
            ("+549112345678901", "+549112345678901"),
            ("+55119876543", "+55119876543"), ("+55119987654321", "+55119987654321"),
            // No area code begins so.
            ("+548012345678", "+548012345678"),
            // Other countries, whose numbers begin alike.
            ("+15215512345", "+15215512345"), ("+4915112345678", "+4915112345678"), ("+919876543210", "+919876543210"),
            ("+5215512345", "+5215512345"), ("+59891234567", "+59891234567"), ("+50412345678", "+50412345678"),
        ]
    )
    func oneTelephoneIsFoundByOneForm(_ number: String, _ form: String) throws {
        let number = try #require(PhoneNumber(number))
        #expect(number.sought == form)
        #expect(PhoneNumber(form)?.sought == form)
        for other in number.otherForms { #expect(PhoneNumber(other)?.sought == form, "\(other)") }
        #expect(!number.otherForms.contains(form) && Set(number.otherForms).count == number.otherForms.count)
    }

    @Test(
        arguments: [
            ("+525512345678", ["+5215512345678"]), ("+5215512345678", ["+5215512345678"]),
            ("+5491123456789", ["+541123456789"]), ("+54111523456789", ["+54111523456789", "+541123456789"]),
            ("+5511998765432", ["+551198765432"]), ("+5511932165498", []), ("+551132165498", []),
            ("+4915112345678", []),
        ]
    )
    func itsOtherFormsAreKnown(_ number: String, _ others: [String]) throws {
        #expect(try #require(PhoneNumber(number)).otherForms == others)
    }

    /// By text message and by WhatsApp, in what a clinic keeps and in what the installation keeps for its own number.
    @Test func whateverIsKeptIsKeptByThatForm() throws {
        let blindIndex = try MessageDesk.shared().blindIndex
        let (index, ids, clinic) = (
            AddressIndex(blindIndex: blindIndex), ProviderIDHash(blindIndex: blindIndex), ClinicID()
        )
        for (number, told) in [
            ("+525512345678", "+5215512345678"), ("+541123456789", "+5491123456789"),
            ("+5511998765432", "+551198765432"),
        ] {
            let tokens = try [number, told].flatMap { number in
                try [ChannelAddress(.sms, number), ChannelAddress(.whatsapp, number)].map { address in
                    let address = try #require(address)
                    #expect(address.text == number)
                    return index.token(address, clinic)
                }
            }
            #expect(Set(tokens).count == 1)
            let hashes = try [number, told].map { number in
                ids.hash("meta", to: ChannelAddress(try #require(PhoneNumber(number)), on: .whatsapp))
            }
            #expect(Set(hashes).count == 1)
        }
    }
}

import BillingAPI
import Core
import Testing

@testable import Billing

private func money(_ amount: Int64, _ code: String = "EUR") throws -> Money {
    Money(amount: amount, currency: try #require(Currency(code)))
}

@Suite struct MoveTests {
    @Test func everyMoveOfAPayment() {
        let allowed: Set<String> = [
            "created>pending", "created>processing", "created>succeeded", "created>failed", "created>cancelled",
            "created>frozen", "pending>processing", "pending>succeeded", "pending>cancelled", "pending>frozen",
            "processing>pending", "processing>succeeded", "processing>cancelled", "processing>frozen",
        ]
        for from in PaymentStatus.allCases {
            for to in PaymentStatus.allCases {
                #expect(
                    PaymentMoves.isAllowed(from: from, to: to) == allowed.contains("\(from.rawValue)>\(to.rawValue)"),
                    "\(from) to \(to)"
                )
            }
        }
        #expect(PaymentStatus.allCases.filter(\.isUnderWay) == [.created, .pending, .processing])
    }

    @Test func everyMoveOfAnInvoice() {
        for from in InvoiceStatus.allCases {
            for to in InvoiceStatus.allCases {
                #expect(InvoiceMoves.isAllowed(from: from, to: to) == (from == .open && to != .open))
            }
        }
    }
}

@Suite struct SettlementTests {
    private let payment = PaymentID()

    private func reported(
        _ status: PaymentStatus,
        _ amount: Int64 = 500,
        received: Int64? = nil,
        code: String = "EUR",
        named: PaymentID? = nil
    ) throws -> ProviderPayment {
        ProviderPayment(
            id: "pi_1",
            status: status,
            amount: try money(amount, code),
            received: received ?? (status == .succeeded ? amount : 0),
            paymentID: named ?? payment,
            clientSecret: nil
        )
    }

    @Test func aSuccessIsTakenOnceFromAnyStateUnderWay() throws {
        for status in PaymentStatus.allCases {
            let verdict = Settlement.of(
                status,
                asked: try money(500),
                payment: payment,
                reported: try reported(.succeeded)
            )
            #expect(verdict == (status.isUnderWay ? .move(to: .succeeded) : .unchanged), "\(status)")
        }
    }

    @Test func whatDoesNotFitFreezes() throws {
        func verdict(_ reported: ProviderPayment) throws -> Settlement {
            Settlement.of(.pending, asked: try money(500), payment: payment, reported: reported)
        }
        #expect(try verdict(reported(.succeeded, 499)) == .freeze(reason: "amount_mismatch"))
        #expect(try verdict(reported(.succeeded, 500, received: 300)) == .freeze(reason: "amount_mismatch"))
        #expect(try verdict(reported(.pending, 501)) == .freeze(reason: "amount_mismatch"))
        #expect(try verdict(reported(.succeeded, code: "USD")) == .freeze(reason: "currency_mismatch"))
        #expect(try verdict(reported(.succeeded, named: PaymentID())) == .freeze(reason: "payment_mismatch"))
        #expect(try verdict(reported(.pending)) == .unchanged)
        #expect(try verdict(reported(.created)) == .unchanged)
    }
}

@Suite struct NumberTests {
    @Test func aYearBeginsWhereTheClinicIs() {
        let midnight = Instant(seconds: 1_798_761_600)  // 2027-01-01T00:00:00Z
        #expect(InvoiceNumber.year(at: midnight, offset: 0) == 2027)
        #expect(InvoiceNumber.year(at: midnight - .seconds(1), offset: 0) == 2026)
        #expect(InvoiceNumber.year(at: midnight, offset: -3_600) == 2026)
        #expect(InvoiceNumber.year(at: midnight - .seconds(1), offset: 3_600) == 2027)
        #expect(InvoiceNumber(year: 2026, sequence: 7).description == "INV-2026-000007")
        #expect(InvoiceNumber(year: 2026, sequence: 12_345_678).description == "INV-2026-12345678")
    }

    @Test func everyPostingBalances() throws {
        let (invoice, payment, amount) = (InvoiceID(), PaymentID(), try money(500))
        let postings: [LedgerPosting] = [
            .opened(invoice, total: amount), .voided(invoice, total: amount),
            .received(payment, for: invoice, amount: amount, isOwed: true),
            .received(payment, for: invoice, amount: amount, isOwed: false),
        ]
        for posting in postings {
            #expect(posting.lines.reduce(0) { $0 + $1.amount } == 0 && posting.lines.count == 2)
        }
        #expect(postings[2].lines.map(\.account) == [.cash, .receivable])
        #expect(postings[3].lines.map(\.account) == [.cash, .patientCredit])
    }

    @Test func looksGrowRarerAndEnd() {
        let ages: [Duration] = [
            .zero, .seconds(599), .seconds(600), .seconds(3_600), .seconds(86_400), .seconds(604_800),
        ]
        let pauses: [Duration?] = [.seconds(60), .seconds(60), .seconds(600), .seconds(3_600), .seconds(21_600), nil]
        #expect(ages.map { Reconciliation.pause(age: $0) } == pauses)
    }
}

import AccessAPI
import AppointmentsAPI
import BillingAPI
import Contracts
import Core
import Postgres
import TestKit
import Testing

@testable import Billing

@Suite(.timeLimit(.minutes(2))) struct InvoiceTests {
    let desk: BillingDesk
    let endpoints = BillingDesk.endpoints

    init() throws { desk = try BillingDesk() }

    @Test func aVisitOpensOneInvoiceWithItsPostings() async throws {
        try await desk.tell(try desk.service(), "\(desk.visitType)", 1)
        let visit = try desk.visit()
        let id = EventID()
        for _ in 0..<3 { try await desk.tell(AppointmentBooked(appointment: visit), "\(visit.id)", 1, id: id) }
        try await desk.tell(AppointmentChanged(appointment: visit), "\(visit.id)", 2)
        let page = try #require(try await desk.ask(endpoints.invoices.list, InvoiceListRequest()).output)
        #expect(page.items.count == 1)
        let invoice = try #require(page.items.first)
        #expect(invoice.status == .open && invoice.due.amount == 5_000 && invoice.patientId == desk.patient)
        #expect(invoice.lines.map(\.description) == ["Check-up"])
        #expect(invoice.number.hasSuffix("-000001"))
        let entries = try await desk.entries(of: invoice.id)
        #expect(entries.map(\.account) == [.receivable, .revenue] && entries.map(\.side) == [.debit, .credit])
        #expect(try await desk.events() == ["invoice.opened"])
    }

    @Test func whatIsToldAgainIsKnownAgainAndOpensNothing() async throws {
        let visit = try desk.visit()
        try await desk.tell(try desk.service(), "\(desk.visitType)", 4)
        try await desk.tell(AppointmentBooked(appointment: visit), "\(visit.id)", 1)
        try desk.test.lose("visit_types", "clinics", of: desk.clinic)
        try await desk.tell(try desk.service(), "\(desk.visitType)", 4)
        try await desk.tell(try desk.service("Older"), "\(desk.visitType)", 3, notify: false)
        #expect(try await visitTypes().isEmpty)
        try await desk.tell(try desk.service(), "\(desk.visitType)", 4, notify: false)
        try await desk.tell(AppointmentChanged(appointment: visit), "\(visit.id)", 1, notify: false)
        #expect(try await visitTypes() == ["Check-up"])
        #expect(try await desk.events() == ["invoice.opened"])
    }

    private func visitTypes() async throws -> [String] {
        try await desk.test.inspect("select name from visit_types where clinic_id = \(desk.clinic)") { rows in
            try rows.map { try $0[0] }
        }
    }

    @Test func numbersHaveNoGapsUnderConcurrency() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<24 {
                // Every third has no price and takes no number.
                let visit = try desk.visit(price: number.isMultiple(of: 3) ? 0 : 1_000)
                group.addTask { try await desk.tell(AppointmentBooked(appointment: visit), "\(visit.id)", 1) }
            }
            try await group.waitForAll()
        }
        let page = try #require(try await desk.ask(endpoints.invoices.list, InvoiceListRequest(limit: 200)).output)
        let numbers = page.items.map { String($0.number.suffix(6)) }.sorted()
        #expect(numbers == (1...16).map { padded($0, 6) })
    }

    @Test func aCancelledVisitIsNotOwed() async throws {
        let id = AppointmentID()
        try await desk.tell(AppointmentBooked(appointment: try desk.visit(id)), "\(id)", 1)
        try await desk.tell(AppointmentCancelled(appointment: try desk.visit(id, status: .cancelled)), "\(id)", 2)
        try await desk.tell(AppointmentBooked(appointment: try desk.visit(id)), "\(id)", 1)
        let invoice = try #require(
            try await desk.ask(endpoints.invoices.list, InvoiceListRequest(appointment: id)).output?.items.first
        )
        #expect(invoice.status == .void && invoice.due.amount == 0)
        #expect(try await desk.entries(of: invoice.id).count == 4)
        let balance = try #require(try await desk.ask(endpoints.ledger.trialBalance, EmptyInput()).output)
        #expect(balance.balanced && balance.items.allSatisfy { $0.balance.amount == 0 })
    }

    @Test func aCancellationThatComesFirstLeavesNothingToPay() async throws {
        let id = AppointmentID()
        try await desk.tell(AppointmentCancelled(appointment: try desk.visit(id, status: .cancelled)), "\(id)", 2)
        try await desk.tell(AppointmentBooked(appointment: try desk.visit(id)), "\(id)", 1)
        #expect(try await desk.ask(endpoints.invoices.list, InvoiceListRequest()).output?.items.isEmpty == true)
    }

    @Test func onlyWithinReach() async throws {
        let invoice = try await desk.booked()
        let scopes: [(Scope, Int)] = [
            (.own(desk.patient), 200), (.own(PatientID()), 404), (.locations([desk.location]), 200),
            (.locations([LocationID()]), 404), (.account, 404),
        ]
        for (scope, status) in scopes {
            #expect(
                try await desk.ask(endpoints.invoices.read, InvoicePath(id: invoice.id), scope: scope).status == status
            )
            let page = try await desk.ask(endpoints.invoices.list, InvoiceListRequest(), scope: scope).output
            #expect(page?.items.count == (status == 200 ? 1 : 0))
        }
        let stranger = try await desk.ask(endpoints.invoices.read, InvoicePath(id: invoice.id), clinic: ClinicID())
        #expect(stranger.status == 404)
    }

    @Test func aListIsReadPageByPage() async throws {
        for _ in 0..<5 { try await desk.booked() }
        var seen: [InvoiceID] = []
        var cursor: String?
        repeat {
            let request = InvoiceListRequest(limit: 2, cursor: cursor)
            let page = try #require(try await desk.ask(endpoints.invoices.list, request).output)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen.count == 5 && Set(seen).count == 5)
    }

    @Test(arguments: [nil, TimeOrder.newestFirst, .oldestFirst])
    func listsHaveTheOrderAskedFor(_ order: TimeOrder?) async throws {
        var made: [InvoiceID] = []
        for _ in 0..<3 { made.append(try await desk.booked().id) }
        let expected = order == .oldestFirst ? made : made.reversed()
        let first = try #require(
            try await desk.ask(endpoints.invoices.list, InvoiceListRequest(sort: order, limit: 2)).output
        )
        let rest = InvoiceListRequest(sort: order, limit: 2, cursor: first.nextCursor)
        let second = try #require(try await desk.ask(endpoints.invoices.list, rest).output)
        #expect((first.items + second.items).map(\.id) == expected && second.nextCursor == nil)
        let misused = InvoiceListRequest(sort: order == nil ? .oldestFirst : nil, cursor: first.nextCursor)
        #expect(try await desk.ask(endpoints.invoices.list, misused).status == 422)
        let books = order == .oldestFirst ? LedgerOrder.oldestFirst : .newestFirst
        let page = try #require(
            try await desk.ask(endpoints.ledger.entries, LedgerListRequest(sort: books, limit: 4)).output
        )
        let remaining = LedgerListRequest(sort: books, limit: 4, cursor: page.nextCursor)
        let more = try #require(try await desk.ask(endpoints.ledger.entries, remaining).output)
        let invoices = (page.items + more.items).map(\.invoiceId)
        #expect(invoices == expected.flatMap { [$0, $0] })
    }

    @Test func invoicesAreFound() async throws {
        let (one, other) = (try await desk.booked(), try await desk.booked())
        func found(_ word: String) async throws -> Set<InvoiceID> {
            let page = try await desk.ask(endpoints.invoices.list, InvoiceListRequest(q: word)).output
            return Set(try #require(page).items.map(\.id))
        }
        #expect(try await found(one.number) == [one.id])
        #expect(try await found(String(other.number.suffix(6))) == [other.id])
        #expect(try await found(one.number.lowercased()) == [one.id])
        #expect(try await found("INV-") == [one.id, other.id])
        #expect(try await found(one.lines[0].description) == [one.id, other.id])
        for word in ["%", "_", "no such thing"] { #expect(try await found(word).isEmpty, "\(word)") }
    }

    @Test func theBooksCannotBeChangedAndMustBalance() async throws {
        let invoice = try await desk.booked()
        let (clinic, tenant) = (desk.clinic, Tenant(desk.clinic, actor: "test"))
        for change in [
            "update ledger_entries set amount = 1 where clinic_id = \(clinic)",
            "delete from ledger_entries where clinic_id = \(clinic)",
            "delete from ledger_postings where clinic_id = \(clinic)",
            "update invoices set total = 1 where clinic_id = \(clinic)",
        ] as [Query] {
            let error = await #expect(throws: DatabaseError.self) {
                try await desk.test.database.transaction(for: tenant) { tx in _ = try tx.rows(change) }
            }
            #expect(error?.code == .insufficientPrivilege)
        }
        let error = await #expect(throws: DatabaseError.self) {
            try await desk.test.database.transaction(for: tenant) { tx in
                let id = RequestID()
                tx.execute(
                    """
                    insert into ledger_postings (clinic_id, id, kind, source_id, at)
                    values (\(clinic), \(id), 'payment_received', \(id), now())
                    """
                )
                for (line, account, amount) in [(Int32(1), "cash", Int64(5)), (2, "receivable", -4)] {
                    tx.execute(
                        """
                        insert into ledger_entries (clinic_id, id, posting_id, line, account, amount, currency, invoice_id)
                        values (\(clinic), \(RequestID()), \(id), \(line), \(account), \(amount), 'EUR', \(invoice.id))
                        """
                    )
                }
            }
        }
        #expect(error?.constraint == "ledger_posting_balances")
        let lonely = await #expect(throws: DatabaseError.self) {
            try await desk.test.database.transaction(for: tenant) { tx in
                tx.execute(
                    """
                    insert into ledger_postings (clinic_id, id, kind, source_id, at)
                    values (\(clinic), \(RequestID()), 'payment_received', \(RequestID()), now())
                    """
                )
            }
        }
        #expect(lonely?.constraint == "ledger_posting_balances")
    }
}

/// What is wrong with a request, gathered from checks that know nothing of one another: a client is told all of it at once.
package struct Faults: Sendable {
    private var errors: [Problem.Fault]
    /// The first that says more than `invalid`.
    private var code: String?
    /// The first refusal for something else than a member of the request; told where no member is wrong.
    private var refusal: Problem?

    package init(_ errors: [Problem.Fault] = []) { self.errors = errors }

    package var isEmpty: Bool { errors.isEmpty && refusal == nil }

    /// - Parameter code: what clients branch on, unless a fault before had a code of its own.
    package mutating func add(_ faults: [Problem.Fault], code: String? = nil) {
        guard !faults.isEmpty else { return }
        errors += faults
        self.code = self.code ?? code
    }

    /// Runs a check and keeps what it refuses the request for; `nil` where it does.
    ///
    /// Throws on what is no fault of the request's.
    @discardableResult
    package mutating func collect<Value>(_ check: () throws -> Value) throws -> Value? {
        do {
            return try check()
        } catch let problem as Problem where problem.status < 500 {
            if problem.errors.isEmpty {
                refusal = refusal ?? problem
            } else {
                add(problem.errors, code: problem.code == Problem.invalidCode ? nil : problem.code)
            }
            return nil
        }
    }

    /// All of it: 422 with the faults, else the first other refusal.
    package var problem: Problem {
        guard !errors.isEmpty else { return refusal ?? .internal }
        var problem = Problem.invalid(Array(errors.prefix(Problem.mostErrors)))
        if let code { problem.code = code }
        return problem
    }

    /// Throws `problem` unless all is well.
    package func check() throws(Problem) {
        if !isEmpty { throw problem }
    }
}

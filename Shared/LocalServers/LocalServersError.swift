/// Why a private server could not be brought up; the text is for a person at the command line.
package struct LocalServersError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

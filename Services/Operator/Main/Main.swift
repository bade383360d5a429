import Operator

@main
enum Main {
    static func main() async { await OperatorProgram.main() }
}

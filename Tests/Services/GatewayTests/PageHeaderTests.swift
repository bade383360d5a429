import NIOHTTP1
import Testing

@testable import Gateway

/// Which languages the service of a page is told of.
@Suite struct PageHeaderTests {
    private func head(_ languages: String...) -> RequestHead {
        let headers = HTTPHeaders(languages.map { ("Accept-Language", $0) })
        return RequestHead(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: headers))
    }

    @Test func whoReadsAPageSaysInWhichLanguages() {
        #expect(PageHeaders.passedOn("text/html", head("de-AT, en;q=0.5")) == ["accept-language": "de-AT, en;q=0.5"])
        #expect(PageHeaders.passedOn("text/html", head("de", "hi")) == ["accept-language": "de,hi"])
        #expect(PageHeaders.passedOn("text/html", head()).isEmpty)
    }

    @Test func nobodyElseDoes() {
        #expect(PageHeaders.passedOn("application/json", head("de")).isEmpty)
        #expect(PageHeaders.passedOn("", head("de")).isEmpty)
    }

    @Test func aListWithoutEndIsLeftOut() {
        let long = String(repeating: "d", count: PageHeaders.most)
        #expect(PageHeaders.passedOn("text/html", head(long)) == ["accept-language": long])
        #expect(PageHeaders.passedOn("text/html", head(long + "e")).isEmpty)
    }
}

import Testing

@testable import Communication

@Suite struct HTMLTextTests {
    @Test(arguments: [
        ("Hello <b>you</b>", "Hello you"),
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("<h1>Title</h1>\n  <div>a</div><div>b</div>", "Title\n\na\nb"),
        ("<ul><li>One</li>\n<li>Two</li></ul>After", "- One\n- Two\n\nAfter"),
        ("<table><tr><td>A</td><td>B</td></tr><tr><td>C</td></tr></table>", "A B\nC"),
        ("<head><title>T</title></head><style>p{}</style><SCRIPT>x<y</SCRIPT >Seen", "Seen"),
        ("a<!-- <p>not seen</p> -->b", "ab"),
        ("<a href=\"https://x.example/?a=1&amp;b=2\">Open</a> it", "Open (https://x.example/?a=1&b=2) it"),
        ("<a href='https://x.example'>https://x.example</a>", "https://x.example"),
        ("<a class=x href=https://x.example><img src=y></a>", "https://x.example"),
        ("<a title=\"1 > 0\" href=\"#top\">Up</a>", "Up"),
        ("1 &lt; 2 &amp;&nbsp;3 &#228; &#x20AC; &unknown; & &", "1 < 2 & 3 ä € &unknown; & &"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("no end <b", "no end"),
        ("<style>never closed", ""),
        ("", ""),
    ]) func plainTextSaysWhatThePageSays(_ html: String, _ text: String) {
        #expect(HTMLText.plain(html) == text)
    }

    @Test func aPageIsTheTextWithNothingOfItReadAsMarkup() {
        let page = HTMLText.page("Dear <b>Asha</b>,\n\nsee https://x.example/?a=1&b=\"2\".\n& come", locale: "de-AT")
        #expect(
            page == """
                <!doctype html><html lang="de-AT"><body><p>Dear &lt;b&gt;Asha&lt;/b&gt;,</p>\
                <p>see <a href="https://x.example/?a=1&amp;b=&quot;2&quot;">https://x.example/?a=1&amp;b=&quot;2&quot;</a>.\
                <br>&amp; come</p></body></html>
                """
        )
        #expect(HTMLText.plain(page) == "Dear <b>Asha</b>,\n\nsee https://x.example/?a=1&b=\"2\".\n& come")
    }
}

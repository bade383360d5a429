import CommunicationAPI
import Contracts
import Testing

@testable import Communication

@Suite struct HTMLContextsTests {
    private static let variables: [TemplateVariable] = [
        .init(name: "name", type: .text), .init(name: "link", type: .link), .init(name: "isNew", type: .flag),
        .init(name: "items", type: .list), .init(name: "site", type: .link, optional: true),
    ]

    private func faults(_ page: String) -> [String] {
        TemplateSyntax.faults(in: page, part: .html, variables: Self.variables)
    }

    @Test(arguments: [
        "{{name}}", "<p>Dear {{name}}</p>", "a < {{name}} > b", "<p title=\"{{name}}\" class='x {{name}}'>x</p>",
        "<p\n\ttitle = \"{{name}}\"\n>x</p>", "<p/title='{{name}}'/>", "<p title=\"a > b\">{{name}}</p>",
        "<a href=\"{{link}}\">x</a>", "<img src=\"{{link}}\" alt=\"{{name}}\">", "<title>For {{name}}</title>",
        "<title><p title=</title>{{name}}", "<style>p { color: red }</style>{{name}}", "<!-- a > b -->{{name}}",
        "<!-->{{name}}", "<!--->{{name}}", "<!doctype html>{{name}}", "<br>{{name}}<br/>{{name}}",
        "<p hidden>{{name}}</p>", "<p title=x>{{name}}</p>", "</p class=x>{{name}}",
        "{{#items}}<li>{{.}}</li>{{/items}}",
        "<p title=\"{{#items}}{{.}}, {{/items}}\">x</p>", "<a href=\"{{#site}}{{site}}{{/site}}\">x</a>",
        "<a href=\"https://a.example/?to={{link}}\">x</a>",
    ]) func valuesStandWhereTheyStayValues(_ page: String) {
        #expect(faults(page) == [])
    }

    @Test(arguments: [
        ("<{{name}}>", "{{name}} stands in the name of a tag"), ("<b{{name}}>", "name of a tag"),
        ("</{{name}}>", "name of a tag"), ("<p {{name}}>", "where an attribute is named"),
        ("<p a{{name}}=\"x\">", "name of an attribute"), ("<p title {{name}}>", "name of an attribute"),
        ("<p title={{name}}>", "without quotation marks"), ("<p title=\n{{name}}>", "without quotation marks"),
        ("<p title=x{{name}}>", "without quotation marks"), ("<a href={{link}}>", "without quotation marks"),
        ("<p onclick=\"{{name}}\">", "{{name}} stands in an event handler"),
        ("<p ONCLICK = '{{link}}'>", "{{link}} stands in an event handler"),
        ("<p style=\"color: {{name}}\">", "stands in a style"), ("<style>{{name}}</style>", "stands in a style"),
        ("<STYLE media=x>p{} </p> {{name}}</STYLE>", "stands in a style"),
        ("<style></styles>{{name}}</style>", "stands in a style"),
        ("<!-- {{name}} -->", "in a comment"), ("<!-- > {{name}} -->", "in a comment"),
        ("<!--[if mso]><p>{{name}}<![endif]-->", "in a comment"), ("<!doctype {{name}}>", "in a comment"),
        ("<?x {{name}}?>", "in a comment"), ("<a href=\"{{name}}\">", "{{name}} is no link"),
        ("<a href='https://a.example/{{name}}'>", "is no link"), ("<p title=\">\" href=\"{{name}}\">", "is no link"),
        ("{{#items}}<a href=\"{{.}}\">{{/items}}", "{{.}} is no link"), ("<img srcset=\"{{name}} 2x\">", "is no link"),
        ("<td background='{{name}}'>", "is no link"), ("<meta http-equiv=\"{{name}}\">", "stands in http-equiv"),
        ("<title></ti{{name}}", "name of a tag"), ("\n\n<p title={{name}}>", "line 3: {{name}}"),
    ]) func elsewhereTheyAreRefused(_ page: String, _ complaint: String) {
        #expect(faults(page).contains { $0.contains(complaint) }, "\(faults(page))")
    }

    @Test func sectionsEndWhereTheyBegin() {
        for page in [
            "<p {{#isNew}}class=\"new\"{{/isNew}}>x</p>", "<p class=\"a{{#isNew}} new{{/isNew}}\">x</p>",
            "{{#isNew}}<tr>{{/isNew}}<td>x</td>{{#isNew}}</tr>{{/isNew}}", "<style>{{#isNew}}p { }{{/isNew}}</style>",
            "<a href=\"{{#isNew}}https://a.example{{/isNew}}{{^isNew}}https://b.example{{/isNew}}/x\">x</a>",
        ] { #expect(faults(page) == [], "\(page)") }
        for (page, complaint) in [
            ("<p {{#isNew}}title=\"{{/isNew}}x\">", "ends elsewhere"), ("{{#isNew}}<!--{{/isNew}}x-->", "in a comment"),
            ("{{#isNew}}<p title='{{/isNew}}{{name}}'>", "ends elsewhere"),
            ("<{{#isNew}} {{/isNew}}script>", "name of a tag"),
            ("<scr{{#isNew}}x{{/isNew}}ipt>", "name of a tag"), ("<p {{#isNew}}on{{/isNew}}click=\"x\">", "name of an"),
            ("<p title=\"x{{#isNew}}\"{{/isNew}}>", "ends elsewhere"),
            ("<p title={{#isNew}}x{{/isNew}}>", "quotation marks"),
            ("<!-- -{{#isNew}}x{{/isNew}}-> -->", "in a comment"),
            ("<style></{{#isNew}}x{{/isNew}}style>", "name of a tag"),
            ("<a href=\"java{{#isNew}}x{{/isNew}}script:x\">", "beginning of an address"),
            ("<a href=\"{{#isNew}}https:{{/isNew}}javascript:x\">", "leads to javascript:"),
            ("<a href=\"{{#isNew}}java{{/isNew}}script:x\">", "beginning of an address"),
        ] { #expect(faults(page).contains { $0.contains(complaint) }, "\(page): \(faults(page))") }
    }

    @Test func oneRefusalIsToldOfAnAddress() {
        let sections = String(repeating: "{{#isNew}}{{/isNew}}", count: 50)
        let link = "<a href=\"\(String(repeating: "a", count: 1_000))\(sections)\">x</a>"
        #expect(faults(link).count == 1)
        #expect(faults(link + "\n" + link).count == 2)
        let leading = faults("<a href=\"java\(sections)script:x\">x</a>")
        #expect(leading.count == 2 && leading.contains { $0.contains("leads to javascript:") }, "\(leading)")
    }

    @Test(arguments: [
        ("<script>", "<script>"), ("<ScRiPt src=x>", "<script>"), ("<script/x>", "<script>"),
        ("<b><iframe>", "<iframe>"),
        ("<form>", "<form>"), ("<object\n>", "<object>"), ("<embed>", "<embed>"), ("<base href='https://x'>", "<base>"),
        ("<svg><script>", "<svg>"), ("<math>", "<math>"), ("<noscript>", "<noscript>"),
        ("<!--><script>-->", "<script>"),
        ("<!-- --!><script>", "<script>"), ("<!--[if mso]><script></script><![endif]-->", "<script>"),
        ("<p title='>' ><script>", "<script>"), ("<title><p title=\"</title><script>", "<script>"),
        ("<meta http-equiv=refresh content='0;url=https://x'>", "http-equiv=\"refresh\""),
        ("<meta content='0' HTTP-EQUIV=' Ref&#114;esh'>", "http-equiv=\"refresh\""),
        ("<p onclick=x>", "onclick="), ("<img src=x onerror=\"x\">", "onerror="), ("<p/ONLOAD>", "onload="),
        ("<p title=\"\"onload=x>", "onload="), ("<p a=b'onx=' onfocus=c>", "onfocus="),
        ("<a href=\"javascript:x\">", "href leads to javascript:"), ("<a href=javascript:x>", "javascript:"),
        ("<a href=\"java&#115;cript:x\">", "javascript:"), ("<a href='java&#0000115cript:x'>", "javascript:"),
        ("<a href='java&#X73;cript:x'>", "javascript:"), ("<a href='javascript&colon;x'>", "javascript:"),
        ("<a href='java&Tab;script&#58;x'>", "javascript:"), ("<a href=' \u{1}JAVA\n\tscript:x'>", "javascript:"),
        ("<a href='javascript:\u{301}x'>", "javascript:"), ("<a href='vbscript:x'>", "vbscript:"),
        ("<a href='data:text/html,x'>", "data:"), ("<p cite='x:y'>", "x:"),
        ("<p title='x", "the page ends within"), ("<!-- x", "the page ends within"),
        ("<script", "the page ends within"),
        ("x\n<p>\n<form>", "line 3: <form>"),
    ]) func nothingIsRun(_ page: String, _ complaint: String) {
        #expect(faults(page).contains { $0.contains(complaint) }, "\(faults(page))")
    }

    @Test func noMoreFaultsAreFoundThanAreTold() {
        let form = String(repeating: "<form>", count: 1_000)
        #expect(faults(form).count == Schema.mostFaults)
        let hidden = "<!--[if mso]>\(form)<![endif]-->"
        #expect(faults("<form>" + hidden + hidden).count == Schema.mostFaults)
    }

    /// What is nested costs no more than what is not.
    @Test func commentsForProgramsAreReadOnce() {
        let page = String(repeating: "<!--[if", count: 14_000) + "-->"
        #expect(faults(page).contains { $0.contains("stands within another") })
        #expect(faults("<!--[if mso]><b><!--[if gt 9]><i><![endif]-->").contains { $0.contains("within another") })
    }

    @Test(arguments: [
        """
        <!DOCTYPE html><html lang="en"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8">\
        <meta name="viewport" content="width=device-width"><title>News</title><style>@media print { p > b { color: red } }\
        </style><!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]--></head>
        <body bgcolor="#fff" style="margin: 0"><table width=100% cellpadding=0><tr><td align=center>\
        <a href="https://a.example/on?x=1&amp;y=javascript:" target=_blank>On <b>time</b></a> <img src="cid:logo" alt=""></td>\
        </tr></table><!--[if !mso]><!--><hr><!--<![endif]--><a href="mailto:a@b.example">a</a> <a href='tel:+49301'>b</a>\
        <a href="#top">c</a> <a href="/d">d</a> 1 < 2 &lt;script&gt; <
        """, "<p>on=1 javascript: <b>onclick=\"x\"</b></p>", "<!-- <script> onclick -->", "<p data-on=\"x\">y",
        "<a href=\"&#104;ttps://a.example\">x</a>",
    ]) func whatTheyMayHaveIsTaken(_ page: String) {
        #expect(faults(page) == [])
    }
}

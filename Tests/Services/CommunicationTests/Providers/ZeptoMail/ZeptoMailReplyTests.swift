import CommunicationAPI
import Contracts
import Core
import Testing

@testable import Communication

@Suite struct ZeptoMailReplyTests {
    private func refusal(_ status: Int, code: String, sub: String?) -> ProviderVerdict {
        let details = sub.map { "[{\"code\":\"\($0)\",\"message\":\"words of theirs\",\"target\":\"to\"}]" } ?? "[]"
        let body = "{\"error\":{\"code\":\"\(code)\",\"message\":\"x\",\"details\":\(details),\"request_id\":\"r\"}}"
        return ZeptoMailReply.verdict(status: status, body: Array(body.utf8), retryAfter: nil)
    }

    @Test(arguments: [
        (400, "TM_3201", "GE_102", AttemptOutcome.contentRejected), (400, "TM_3301", "SM_101", .contentRejected),
        (400, "TM_3301", "SM_120", .contentRejected), (400, "TM_3501", "UE_106", .contentRejected),
        (400, "TM_3501", "MTR_101", .contentRejected), (400, "TM_3501", "LE_101", .quota),
        (403, "TM_3601", "SERR_156", .credentials), (400, "TM_3601", "SM_133", .quota),
        (400, "TM_3601", "SMI_115", .quota),
        (403, "TM_3601", "AE_101", .credentials), (400, "TM_4001", "SM_111", .senderNotAuthorised),
        (401, "TM_4001", "SERR_157", .credentials), (401, "TM_4001", "NEW_999", .credentials),
        (429, "TM_3601", "NEW_999", .throttled), (400, "TM_9999", "NEW_999", .contentRejected),
        (500, "TM_5001", "NEW_999", .transient), (503, "TM_5001", "NEW_999", .transient),
    ])
    func everyCode(status: Int, code: String, sub: String, outcome: AttemptOutcome) {
        let verdict = refusal(status, code: code, sub: sub)
        #expect(verdict.outcome == outcome)
        #expect(verdict.code == sub)
        #expect(verdict.detail?.contains("theirs") == false)
    }

    @Test func acceptedWithItsID() {
        let body =
            "{\"data\":[{\"code\":\"EM_104\"}],\"message\":\"OK\",\"request_id\":\"2d6f.t1.ab\",\"object\":\"email\"}"
        let verdict = ZeptoMailReply.verdict(status: 201, body: Array(body.utf8), retryAfter: nil)
        #expect(verdict == ProviderVerdict(.accepted, messageID: "2d6f.t1.ab"))
    }

    @Test(arguments: [
        (503, "<html>Service Unavailable</html>", AttemptOutcome.transient), (502, "", .unknownOutcome),
        (504, "", .unknownOutcome),
        (401, "", .credentials), (403, "<html>", .transient),
        (404, "not found", .contentRejected), (200, "", .unknownOutcome), (200, "{}", .accepted),
        (400, "{\"error\":{\"details\":{\"code\":\"SM_111\"}}}", .senderNotAuthorised),
        (400, "{\"error\":{\"code\":\"LE_101\",\"details\":[]}}", .quota),
        (400, "{\"error\":{\"details\":[{\"code\":\"asha@example.com\"}]}}", .contentRejected),
    ])
    func answersOfOtherShapes(status: Int, body: String, outcome: AttemptOutcome) {
        let verdict = ZeptoMailReply.verdict(status: status, body: Array(body.utf8), retryAfter: nil)
        #expect(verdict.outcome == outcome)
        #expect(verdict.code?.contains("@") != true)
    }

    @Test func anEmptyMessageRefusedProvesTheTokenWhereZeptoMailRefusesIt() {
        #expect(ZeptoMailReply.isAboutContent(refusal(400, code: "TM_3201", sub: "GE_102")))
        #expect(!ZeptoMailReply.isAboutContent(refusal(401, code: "TM_4001", sub: "SERR_157")))
        for (status, body) in [(404, "{\"detail\":\"nothing here\"}"), (400, ""), (200, "{}"), (503, "<html>")] {
            let verdict = ZeptoMailReply.verdict(status: status, body: Array(body.utf8), retryAfter: nil)
            #expect(!ZeptoMailReply.isAboutContent(verdict))
        }
    }

    @Test func throttledForAsLongAsTheyAsk() {
        #expect(ZeptoMailReply.verdict(status: 429, body: [], retryAfter: .seconds(90)).retryAfter == .seconds(90))
        #expect(
            ZeptoMailReply.verdict(status: 429, body: [], retryAfter: nil).retryAfter == ZeptoMailReply.throttlePause
        )
    }
}

import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Hands files of messages to the providers that fetch them, page by page.
struct MediaHandlers: Sendable {
    let endpoints: MediaEndpoints
    let links: MediaLinks
    let dataKeys: DataKeyStore

    func register(in table: inout HandlerTable) {
        table.stream(endpoints.fetch) { [self] input, context, page, tx in
            guard let target = links.open(input.token, context.clinic, at: context.now),
                let message = try MessageStore.find(target.message, in: tx)
            else { throw Problem.notFound }
            let sealer = try dataKeys.sealer(for: context.clinic, in: tx)
            let content = try SealedContent.open(message.sealed, of: message.id, with: sealer)
            guard let files = content.attachments, files.indices.contains(target.place),
                let number = Int(page ?? "0"),
                let found = try AttachmentStore.page(
                    number,
                    of: files[target.place],
                    at: target.place,
                    of: message.id,
                    sealer: sealer,
                    in: tx
                )
            else { throw Problem.notFound }
            let file = files[target.place]
            return StreamPage(
                found.bytes,
                contentType: file.contentType,
                next: found.isLast ? nil : "\(number + 1)",
                headers: [
                    ("Content-Disposition", "attachment; filename*=UTF-8''\(PercentCoding.encode(file.filename))")
                ]
            )
        }
    }
}

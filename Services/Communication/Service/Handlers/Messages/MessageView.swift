import Authorization
import CommunicationAPI
import Contracts
import Core
import Postgres
import ProviderConfig
import ServiceHost

/// Shows stored messages; recipient and text only to those who may read them.
struct MessageView {
    let sealer: ClinicSealer?

    func show(_ messages: [StoredMessage], in tx: borrowing Transaction) throws -> [Message] {
        let attempts = try AttemptStore.all(messages.map(\.id), in: tx)
        return try messages.map { message in
            var shown = Message(
                id: message.id,
                status: message.status,
                channel: message.channel.flatMap { MessageChannel(rawValue: $0) },
                template: message.template,
                templateVersion: message.templateVersion,
                category: message.category,
                priority: message.priority,
                locale: message.locale,
                patientId: message.patientID,
                reference: message.reference,
                createdAt: message.createdAt,
                updatedAt: message.updatedAt,
                sendAt: message.sendAt,
                expiresAt: message.expiresAt,
                reason: message.reasonCode.map { MessageReason(code: $0, detail: message.reasonDetail ?? "") },
                waitingFor: message.waitingFor.flatMap { MessageWait(rawValue: $0) },
                nextAttemptAt: message.nextAttemptAt,
                attempts: (attempts[message.id] ?? []).map(\.shown)
            )
            if let sealer {
                let content = try SealedContent.open(message.sealed, of: message.id, with: sealer)
                shown.to = MessageRecipient(
                    email: content.email,
                    phone: content.phone,
                    whatsAppUserId: content.whatsAppUser
                )
                // Codes and links into accounts are for who receives them, whatever else a reader may see; what was refused
                // says nothing.
                if !SecurityTemplates.contains(message.template), content.isRefused != true {
                    shown.content = MessageContent(
                        subject: content.subject,
                        text: content.text,
                        html: content.html,
                        interactive: content.interactive
                    )
                    shown.headers = content.headers
                    shown.attachments = content.attachments?.map {
                        MessageAttachment(filename: $0.filename, contentType: $0.contentType, bytes: $0.size)
                    }
                }
            }
            return shown
        }
    }
}

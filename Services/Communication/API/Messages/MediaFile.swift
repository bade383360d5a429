package import Contracts
package import Core

/// The link by which a clinic's provider fetches the file of a message.
package struct MediaPath: Wire {
    package var clinicId: ClinicID
    /// Opaque; holds for a while.
    package var token: String

    package init(clinicId: ClinicID, token: String) {
        self.clinicId = clinicId
        self.token = token
    }

    package static var limits: [Limit] { [.length(CodingKeys.token, 1...200)] }
}

/// Files that providers fetch instead of being sent them.
package struct MediaEndpoints: Sendable {
    package let fetch = Endpoint(
        "communication.media.fetch",
        .GET,
        "/public/media/{clinicId}/{token}",
        service: .communication,
        guard: .open(because: "the provider that delivers the message got the link from us"),
        takes: MediaPath.self,
        gives: EmptyOutput.self,
        status: 200,
        audit: .none(because: "hands over what the clinic has told its provider to deliver"),
        streams: true,
        media: "application/octet-stream",
        furtherMedia: AttachmentUpload.contentTypes,
        summary: "The file of a message, for two hours after it was handed to a provider that fetches files"
    )

    package init() {}

    package var all: [any EndpointDescription] { [fetch] }
}

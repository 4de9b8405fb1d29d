import Holdfast
import HoldfastInspection
import HoldfastTools

/// Checks what is about to be read, so that damage is an error and never read as data. Nothing else
/// is checked: one field of a large root costs no more than one of a small root.
struct PartCheck {
    private let path: String
    private let place: String
    private let isOn: Bool

    /// Checks nothing: for what has been checked, or is trusted.
    static let nothing = PartCheck(path: "", place: "", isOn: false)

    private init(path: String, place: String, isOn: Bool) {
        self.path = path
        self.place = place
        self.isOn = isOn
    }

    init(_ call: Invocation) {
        self.init(path: call.path, place: "", isOn: !call.has("trust"))
    }

    /// The same check at another place, which its errors name.
    func at(_ place: String) -> PartCheck { PartCheck(path: path, place: place, isOn: isOn) }

    func callAsFunction(_ value: ValuePlace, _ part: ValuePlace.Part) throws {
        guard isOn else { return }
        let problem = try value.problem(reading: part) { !Interruption.isRequested }
        try Interruption.check()
        if let problem { throw Self.failure(path, "\(place): \(problem)") }
    }

    static func failure(_ path: String, _ problem: String) -> CommandFailure {
        CommandFailure(
            "\(path) is damaged: \(problem). Find out more with: holdfast check \(path)")
    }
}

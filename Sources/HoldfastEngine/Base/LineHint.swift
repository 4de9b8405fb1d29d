/// The end of the message of each trap for a mistake of the program: how to find its line.
///
/// Only the run time can tell the line, in the backtrace of the crash. As an argument of each
/// subscript it would cost more than most of them do.
enum LineHint {
    static let text =
        "The backtrace shows the line; the environment variable SWIFT_BACKTRACE=enable=yes turns "
        + "it on."
}

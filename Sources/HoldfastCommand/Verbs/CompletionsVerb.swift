extension Verb {
    static let completions = Verb(
        name: "completions", summary: "print a completion script for a shell",
        operands: [
            Operand(
                name: "SHELL", summary: "bash, zsh or fish",
                completion: .words(Completions.Shell.allCases.map(\.rawValue)))
        ],
        details: ["Each script's first line says where to put it."],
        examples: [
            Example(
                command: "completions bash > ~/.holdfast.bash",
                meaning: "For bash; and source ~/.holdfast.bash in ~/.bashrc."),
            Example(
                command: "completions fish > ~/.config/fish/completions/holdfast.fish",
                meaning: "For fish."),
        ]
    ) { call in
        guard let shell = Completions.Shell(rawValue: call.operands[0]) else {
            throw UsageError("there are completions for bash, zsh and fish", verb: "completions")
        }
        try call.output.write(Completions(verbs: Verb.all).script(for: shell))
        return .fine
    }
}

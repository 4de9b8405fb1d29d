/// Shell completions, generated from the table of verbs.
struct Completions {
    enum Shell: String, CaseIterable {
        case bash
        case zsh
        case fish
    }

    let verbs: [Verb]

    func script(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private var names: String { (verbs.map(\.name) + ["help"]).joined(separator: " ") }

    // MARK: bash

    private var bash: String {
        var lines = [
            "# Completions of holdfast for bash. To use them: holdfast completions bash > "
                + "~/.local/share/bash-completion/completions/holdfast",
            "_holdfast() {",
            "    local word=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"",
            "    COMPREPLY=()",
            "    if [[ $COMP_CWORD -eq 1 ]]; then",
            "        COMPREPLY=($(compgen -W \"\(names) --help --version\" -- \"$word\"))",
            "        return",
            "    fi",
            "    case \"${COMP_WORDS[1]}\" in",
        ]
        for verb in verbs {
            lines.append("        \(verb.name))")
            let valued = verb.options.filter { $0.value != nil }
            if !valued.isEmpty {
                lines.append("            case \"$previous\" in")
                for option in valued {
                    lines.append(
                        "                --\(option.name)) \(bashReply(option.completion)); "
                            + "return ;;"
                    )
                }
                lines.append("            esac")
            }
            let options = verb.allOptions.map { "--" + $0.name }.joined(separator: " ")
            lines.append("            if [[ \"$word\" == -* ]]; then")
            lines.append("                COMPREPLY=($(compgen -W \"\(options)\" -- \"$word\"))")
            lines.append("            else")
            lines.append(
                "                \(bashReply(verb.operands.first?.completion ?? .nothing))")
            lines.append("            fi ;;")
        }
        lines += [
            "        help) COMPREPLY=($(compgen -W \"\(verbs.map(\.name).joined(separator: " ")) "
                + "--manual\" -- \"$word\")) ;;",
            "    esac", "}",
        ]
        lines += ["complete -o filenames -F _holdfast holdfast"]
        return lines.joined(separator: "\n") + "\n"
    }

    private func bashReply(_ completion: Verb.Completion) -> String {
        switch completion {
        case .file: "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
        case .words(let words):
            "COMPREPLY=($(compgen -W \"\(words.joined(separator: " "))\" -- \"$word\"))"
        case .nothing: ":"
        }
    }

    // MARK: zsh

    private var zsh: String {
        var lines = [
            "#compdef holdfast",
            "# Completions of holdfast for zsh. To use them: holdfast completions zsh > a folder "
                + "of $fpath/_holdfast",
            "_holdfast() {", "    local -a verbs", "    verbs=(",
        ]
        for verb in verbs { lines.append("        \(quoted("\(verb.name):\(verb.summary)"))") }
        lines += [
            "        'help:explain a verb'", "    )", "    if (( CURRENT == 2 )); then",
            "        _describe verb verbs",
            "        return", "    fi",
            "    local verb=$words[2]", "    shift words", "    (( CURRENT-- ))",
            "    case $verb in",
        ]
        for verb in verbs {
            var specs = verb.allOptions.map { option in
                let text =
                    "--\(option.name)\(option.value == nil ? "" : "=")[\(bracketed(option.summary))]"
                return quoted(
                    option.value.map { "\(text):\($0):\(zshAction(option.completion))" } ?? text)
            }
            specs += verb.operands.enumerated().map { index, operand in
                let place = operand.isRepeated ? "*" : "\(index + 1)"
                let colons = operand.isOptional && !operand.isRepeated ? "::" : ":"
                return quoted(
                    "\(place)\(colons)\(operand.name):\(zshAction(operand.completion))")
            }
            lines.append("        \(verb.name)) _arguments \(specs.joined(separator: " ")) ;;")
        }
        lines += ["        help) _describe verb verbs ;;", "    esac", "}", "_holdfast \"$@\""]
        return lines.joined(separator: "\n") + "\n"
    }

    private func zshAction(_ completion: Verb.Completion) -> String {
        switch completion {
        case .file: "_files"
        case .words(let words): "(\(words.joined(separator: " ")))"
        case .nothing: " "
        }
    }

    private func bracketed(_ text: String) -> String {
        text.replacing("[", with: "(").replacing("]", with: ")").replacing(":", with: "\\:")
    }

    // MARK: fish

    private var fish: String {
        var lines = [
            "# Completions of holdfast for fish. To use them: holdfast completions fish > "
                + "~/.config/fish/completions/holdfast.fish",
            "complete -c holdfast -f",
        ]
        for verb in verbs {
            lines.append(
                "complete -c holdfast -n __fish_use_subcommand -a \(verb.name) -d "
                    + "\(quoted(verb.summary))"
            )
        }
        lines.append("complete -c holdfast -n __fish_use_subcommand -a help -d 'explain a verb'")
        lines.append(
            "complete -c holdfast -n '__fish_seen_subcommand_from help' -a "
                + "\(quoted(verbs.map(\.name).joined(separator: " ")))"
        )
        for verb in verbs {
            let here = "complete -c holdfast -n '__fish_seen_subcommand_from \(verb.name)'"
            switch verb.operands.first?.completion ?? .nothing {
            case .file: lines.append("\(here) -F")
            case .words(let words):
                lines.append("\(here) -a \(quoted(words.joined(separator: " ")))")
            case .nothing: break
            }
            for option in verb.allOptions {
                var line = "\(here) -l \(option.name) -d \(quoted(option.summary))"
                if option.value != nil {
                    line += " -r"
                    if case .file = option.completion { line += " -F" }
                    if case .words(let words) = option.completion {
                        line += " -a \(quoted(words.joined(separator: " ")))"
                    }
                }
                lines.append(line)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Quotes the text for shells, in apostrophes.
    private func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}

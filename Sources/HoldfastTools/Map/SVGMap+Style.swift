extension SVGMap {
    /// Colours for light screens, and the ones that differ for dark screens.
    static var style: String {
        let roots = MapPalette.roots.enumerated().map { ".r\($0){fill:\($1.hex)}" }.joined()
        return """
            text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",Arial,sans-serif;font-size:13px}
            .bg{fill:#fff}.t{fill:#1f2328}.d{fill:#59636e}.warn{fill:#b2182b}
            \(roots)
            .other{fill:url(#other)}.unreached{fill:url(#unreached)}.catalogue{fill:#2d333b}.records{fill:#626c77}.sums{fill:#98a2ad}
            .slack{fill:#cbd2d9}.free{fill:#eef1f4}.bad{fill:#b2182b}
            .cross{stroke:#b2182b;stroke-width:2.5;fill:none}.gaps{fill:url(#gaps);pointer-events:none}.gap{stroke:#fff;fill:none}
            .swatch{stroke:#8b949e;stroke-width:.5}.stripe{stroke:#7a5c36;stroke-width:2}.sand{fill:#d8c3a5}.hatch{stroke:#4d5560;stroke-width:1.5}.plain{fill:#fff}
            @media (prefers-color-scheme:dark){.bg{fill:#12161b}.t{fill:#e6edf3}.d{fill:#9aa5b1}.warn{fill:#ff8182}.catalogue{fill:#f0f3f6}.records{fill:#8b949e}\
            .sums{fill:#667180}.slack{fill:#3a424c}.free{fill:#1e242b}.gap{stroke:#12161b}.cross{stroke:#ff6b6e}.hatch{stroke:#e6edf3}.plain{fill:#2d333b}}
            """
    }

    static func patterns(side: Double) -> String {
        let line = side >= 25 ? 2.0 : 1.0
        let place = short(side - line / 2)
        return """
            <defs>
            <pattern id="gaps" width="\(short(side))" height="\(short(side))" patternUnits="userSpaceOnUse"><path class="gap" stroke-width="\(short(line))" d="M\(place) 0V\(place)H0"/></pattern>
            <pattern id="other" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="sand" width="5" height="5"/><path class="stripe" d="M1 0V5"/></pattern>
            <pattern id="unreached" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="plain" width="4" height="4"/><path class="hatch" d="M1 0V4"/></pattern>
            </defs>
            """
    }
}

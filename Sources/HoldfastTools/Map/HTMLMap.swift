import Holdfast

/// A picture of a heap as a self-contained web page: the same picture as ``SVGMap``, tables of all
/// roots and of the slabs, and details of the square under the pointer.
public struct HTMLMap: Sendable {
    private let map: HeapMap

    /// Longer tables are truncated.
    private static let mostRows = 1000

    /// Returns the text of the file.
    public static func text(_ map: HeapMap) -> String { HTMLMap(map: map).document }

    private var document: String {
        let name = MapText.escaped("Map of \(MapText.visible(map.title))")
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            <title>\(name)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <main>
            \(SVGMap(map).document(isInline: true))
            \(problems)\(roots)\(slabs)</main>
            <div id="tip" hidden="hidden"></div>
            <script>\(Self.script)</script>
            </body>
            </html>

            """
    }

    // MARK: Tables

    private var roots: String {
        guard !map.use.roots.isEmpty else { return "" }
        let colours = Dictionary(
            map.entries.compactMap { entry in
                if case .root = entry.use { (entry.name, entry.use.styleClass) } else { nil }
            }
        ) { first, _ in first }
        let rows = map.use.roots.prefix(Self.mostRows).map { use in
            let style = use.isFollowed && use.bytes > 0 ? colours[use.root.name] ?? "other" : "none"
            let swatch =
                style == "none"
                ? ""
                : "<svg class=\"key\" viewBox=\"0 0 14 14\"><rect class=\"\(style)\" width=\"14\" "
                    + "height=\"14\"/></svg>"
            let bytes = use.isFollowed ? Figures.bytes(use.bytes) : "not followed"
            let blocks = use.isFollowed ? Figures.count(use.blocks) : ""
            return """
                <tr data-use="\(style)"><td>\(swatch)</td><td>\(MapText.escaped(MapText.visible(use.root.name)))</td>\
                <td class="type">\(MapText.escaped(MapText.fitted(MapText.visible(use.root.type.text), 200)))</td>\
                <td class="number" title="\(Figures.count(use.bytes)) bytes">\(bytes)</td><td class="number">\(use.isFollowed ? percent(use.bytes) : "")</td><td class="number">\(blocks)</td></tr>
                """
        }
        return table(
            "Roots",
            "<th></th><th>Name</th><th>Type</th><th class=\"number\">Takes</th><th "
                + "class=\"number\">Of the heap</th><th class=\"number\">Blocks</th>",
            Array(rows), of: map.use.roots.count)
    }

    private var slabs: String {
        guard !map.slabClasses.isEmpty else { return "" }
        let rows = map.slabClasses.map { sum in
            let tenths = sum.usedSlots * 1000 / max(sum.slots, 1)
            return """
                <tr><td class="number">\(Figures.bytes(sum.slotBytes))</td><td class="number">\(Figures.count(sum.slabs))</td>\
                <td class="number">\(Figures.count(sum.pages))</td><td class="number">\(Figures.count(sum.usedSlots))</td><td class="number">\(Figures.count(sum.slots))</td>\
                <td><div class="fill"><div style="width:\(tenths / 10).\(tenths % 10)%"></div></div></td>\
                <td class="number">\(MapText.percent(tenths: tenths, isSomething: sum.usedSlots > 0))</td></tr>
                """
        }
        let heads = ["Slot", "Slabs", "Pages", "Slots in use", "Slots"].map {
            "<th class=\"number\">\($0)</th>"
        }.joined()
        return table("Slabs", heads + "<th>Filled</th><th></th>", rows, of: rows.count)
    }

    private var problems: String {
        var lines = map.use.problems
        if !map.use.damagedPages.isEmpty {
            let numbers = map.use.damagedPages.prefix(100).map { Figures.count($0) }.joined(
                separator: ", ")
            let more = map.use.damagedPages.count > 100 ? " and more" : ""
            lines.insert("pages with a wrong checksum: \(numbers)\(more)", at: 0)
        }
        guard !lines.isEmpty else { return "" }
        let items = lines.map { "<li>\(MapText.escaped(MapText.visible($0)))</li>" }.joined(
            separator: "\n")
        return "<h2>Problems</h2>\n<ul>\n\(items)\n</ul>\n"
    }

    private func table(_ title: String, _ head: String, _ rows: [String], of count: Int) -> String {
        let more =
            count > rows.count
            ? "<p>\(Figures.count(count - rows.count)) more are not shown.</p>\n" : ""
        return
            "<h2>\(title)</h2>\n<div "
            + "class=\"wide\"><table>\n<thead><tr>\(head)</tr></thead>\n<tbody>\n\(rows.joined(separator: "\n"))\n</tbody>\n</table></div>\n\(more)"
    }

    private func percent(_ bytes: Int) -> String {
        let tenths = Int((Double(bytes) * 1000 / Double(max(map.byteCount, 1))).rounded())
        return MapText.percent(tenths: tenths, isSomething: bytes > 0)
    }

    // MARK: Style and behaviour

    private static let style = """
        body{margin:0;background:#fff;color:#1f2328;font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",Arial,sans-serif}
        main{max-width:960px;margin:0 auto;padding:8px 0 48px}main>svg{display:block;width:100%;height:auto}
        h2,p,ul,.wide{margin-left:40px;margin-right:40px}h2{font-size:17px;margin-top:28px;margin-bottom:8px}.wide{overflow-x:auto}
        table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;color:#59636e}th,td{padding:5px 10px 5px 0;border-bottom:1px solid #d8dee4;vertical-align:top}
        .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.type{font-family:ui-monospace,"SF Mono",Menlo,Consolas,monospace;font-size:12px;overflow-wrap:anywhere}
        td,li{overflow-wrap:anywhere}.key{width:14px;height:14px;vertical-align:-2px}.fill{width:160px;height:12px;margin-top:4px;background:#cbd2d9}.fill div{height:12px;background:#0072b2}
        tr[data-use]:hover{background:#f3f5f7}li{color:#b2182b}.dim path{opacity:.18}.dim path.lit{opacity:1}
        #tip{position:fixed;z-index:1;max-width:360px;padding:6px 10px;border-radius:6px;background:#1f2328;color:#fff;font-size:13px;white-space:pre-line;pointer-events:none;overflow-wrap:anywhere}
        @media (prefers-color-scheme:dark){body{background:#12161b;color:#e6edf3}th{color:#9aa5b1}th,td{border-color:#2d333b}tr[data-use]:hover{background:#1e242b}
        .fill{background:#3a424c}.fill div{background:#56b4e9}li{color:#ff8182}#tip{background:#e6edf3;color:#12161b}}
        """

    /// Shows tooltips without delay, and highlights the squares of the root under the pointer.
    private static let script = """

        (() => {
          const picture = document.querySelector("main > svg"), tip = document.getElementById("tip");
          for (const title of picture.querySelectorAll("g > title, rect > title")) {
            const shape = title.parentNode, text = title.textContent;
            title.remove();
            shape.addEventListener("pointermove", event => {
              tip.textContent = text;
              tip.hidden = false;
              const right = event.clientX + 16 + tip.offsetWidth > innerWidth, low = event.clientY + 16 + tip.offsetHeight > innerHeight;
              tip.style.left = Math.max(4, right ? event.clientX - 12 - tip.offsetWidth : event.clientX + 16) + "px";
              tip.style.top = Math.max(4, low ? event.clientY - 12 - tip.offsetHeight : event.clientY + 16) + "px";
            });
            shape.addEventListener("pointerleave", () => { tip.hidden = true; });
          }
          for (const line of document.querySelectorAll("[data-use]")) {
            const lit = () => picture.querySelectorAll("path." + line.dataset.use);
            line.addEventListener("pointerenter", () => {
              if (lit().length == 0) return;
              picture.classList.add("dim");
              lit().forEach(shape => shape.classList.add("lit"));
            });
            line.addEventListener("pointerleave", () => {
              picture.classList.remove("dim");
              lit().forEach(shape => shape.classList.remove("lit"));
            });
          }
        })();

        """
}

import Foundation
import Holdfast
import HoldfastTools

/// Draws heaps of several kinds into a folder, as SVG, as HTML and in the terminal, for visual
/// inspection; and the picture in `Docs/Pictures`.
///
///     test-worker gallery FOLDER
enum MapGallery {
    static func draw(into folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for exhibit in exhibits {
            let path = "\(folder)/\(exhibit.name).heap"
            try? FileManager.default.removeItem(atPath: path)
            let use = try exhibit.make(path)
            let map = HeapMap(use, title: "\(exhibit.name).heap")
            try SVGMap.text(map).write(
                toFile: "\(folder)/\(exhibit.name).svg", atomically: true, encoding: .utf8)
            try HTMLMap.text(map).write(
                toFile: "\(folder)/\(exhibit.name).html", atomically: true, encoding: .utf8)
            print(TerminalMap.lines(map, width: 80, colours: .palette256).joined(separator: "\n"))
            print(TerminalMap.lines(map, width: 60, colours: .none).joined(separator: "\n"))
        }
    }
}

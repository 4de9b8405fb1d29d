import Foundation
import Testing
import TestSupport

extension ProcessTests {
    /// One process sleeps until another commits.
    @Suite struct ChangeTests {
        private let workers: Workers

        init() throws { workers = try Workers() }

        /// A sleeper wakes by itself after half a second at the earliest; one that polled every ten
        /// milliseconds would go to sleep a hundred times in this time.
        private static let silence = 1000
        private static let mostSleeps = 20

        @Test func aCommitWakesSleepers() throws {
            let writer = try workers.open()
            let sleepers = try (0 ..< 3).map { _ in try workers.open() }
            for round in 1 ... 20 {
                for sleeper in sleepers {
                    #expect(try sleeper.ask("mark") == "ok")
                    sleeper.send("wait 60000")
                }
                // Sometimes the change comes before they sleep, and must not be missed either.
                if round % 2 == 0 { usleep(20_000) }
                #expect(try writer.ask("append") == "ok")
                for sleeper in sleepers {
                    #expect(try sleeper.readLine() == "changed")
                    #expect(try sleeper.figures("count")[0] == round)
                }
            }
        }

        @Test func silenceCostsNothing() throws {
            let writer = try workers.open()
            let sleeper = try workers.open()
            #expect(try writer.ask("append") == "ok")
            let waiting = try sleeper.figures("quiet \(Self.silence) waiting")
            #expect(waiting[0] <= Self.mostSleeps, "\(waiting[0]) sleeps in a second of silence")
            #expect(try sleeper.ask("stream") == "ok")
            let streaming = try sleeper.figures("quiet \(Self.silence)")
            #expect(
                streaming[0] <= Self.mostSleeps,
                "\(streaming[0]) sleeps in a second of silence with `changes`")
            print(
                "FIGURE changes: sleeps and microseconds of CPU in a second of silence = \(waiting), with `changes` \(streaming)"
            )
            #expect(try sleeper.ask("mark") == "ok")
            #expect(try sleeper.ask("wait 50") == "same")
        }

        @Test func streamsAreToldByOtherProcesses() throws {
            let writer = try workers.open()
            let reader = try workers.open(mode: "readOnly")
            #expect(try reader.ask("stream") == "ok")
            for _ in 0 ..< 20 {
                #expect(try writer.ask("append") == "ok")
                #expect(try reader.readLine() == "change")
            }
        }

        @Test func valuesAreObservedInOtherProcesses() throws {
            let writer = try workers.open()
            #expect(try writer.ask("append") == "ok")
            let observer = try workers.open(mode: "readOnly")
            observer.send("observe")
            // In either order.
            let answers = try [observer.readLine(), observer.readLine()]
            #expect(Set(answers) == ["ok", "observed 1"])
            for count in 2 ..< 20 {
                #expect(try writer.ask("append") == "ok")
                #expect(try observer.readLine() == "observed \(count)")
            }
        }

        @Test func changesOfCollectionsAreFollowedInOtherProcesses() throws {
            let writer = try workers.open()
            #expect(try writer.ask("append") == "ok")
            let follower = try workers.open(mode: "readOnly")
            follower.send("follow")
            let answers = try [follower.readLine(), follower.readLine()]
            #expect(Set(answers) == ["ok", "followed 1 of 1"])
            for count in 2 ..< 20 {
                #expect(try writer.ask("append") == "ok")
                #expect(try follower.readLine() == "followed 1 of \(count)")
            }
            #expect(try writer.ask("append 5000") == "ok")
            var followed = 19
            while followed < 5019 {
                let words = try follower.readLine().split(separator: " ")
                followed = Int(words[3])!
                #expect(Int(words[1])! <= 5000)
            }
        }

        /// Killing a sleeper or a writer does not affect the wake-ups of others.
        @Test func theDeadWakeNobodyAndKeepNobodyAsleep() throws {
            let writers = try (0 ..< 2).map { _ in try workers.open() }
            let sleepers = try (0 ..< 2).map { _ in try workers.open() }
            for sleeper in sleepers {
                #expect(try sleeper.ask("mark") == "ok")
                sleeper.send("wait 60000")
            }
            usleep(50_000)
            sleepers[0].destroy()
            #expect(try writers[0].ask("hold") == "held")
            writers[0].destroy()
            #expect(sleepers[1].readLine(within: .milliseconds(100)) == nil)
            #expect(try writers[1].ask("append") == "ok")
            #expect(try sleepers[1].readLine() == "changed")
        }
    }
}

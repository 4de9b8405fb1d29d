/// A system of processes as a graph: states, and the steps that lead from each to the next.
protocol StateModel {
    associatedtype State: Hashable
    associatedtype Step: CustomStringConvertible

    var name: String { get }
    var initial: State { get }

    /// Calls `body` with every step that is possible in `state`, and the state after it.
    func forEachStep(from state: State, _ body: (Step, State) -> Void)

    /// What is wrong with `state`; nil if all invariants hold.
    func violation(in state: State) -> String?

    /// Whether `state` is one that must stay within reach; see `Explorer.checksProgress`.
    func isGoal(_ state: State) -> Bool

    /// Whether progress may rely on `step`. False for a death.
    func isOrdinary(_ step: Step) -> Bool

    /// The parts of a state. A counterexample shows those that change.
    func describe(_ state: State) -> [String]
}

extension StateModel {
    func isGoal(_ state: State) -> Bool { true }
    func isOrdinary(_ step: Step) -> Bool { true }
}

/// Visits every state that can be reached, breadth first, so that the first counterexample is a
/// shortest one.
struct Explorer<Model: StateModel> {
    struct Outcome {
        var states = 0
        var transitions = 0
        /// Steps on the shortest way to the last state.
        var depth = 0
        /// Whether the bound ended the search.
        var isCutShort = false
        var counterexample: Counterexample?
    }

    /// The shortest sequence of steps to a state that must not be.
    struct Counterexample: CustomStringConvertible {
        var violation: String
        var initial: [String]
        var steps: [(step: String, state: [String])]

        var description: String {
            var lines = ["\(violation), after \(steps.count) steps:"] + initial.map { "    " + $0 }
            var last = initial
            for (number, step) in steps.enumerated() {
                lines.append("\(number + 1). \(step.step)")
                lines += step.state.filter { !last.contains($0) }.map { "    " + $0 }
                last = step.state
            }
            return lines.joined(separator: "\n")
        }
    }

    let model: Model
    /// The search ends when it has found this many states.
    var limit = Int.max
    /// Whether to look for states from which no sequence of ordinary steps leads to a goal. Needs
    /// memory for every transition, and says nothing if the search is cut short.
    var checksProgress = false

    /// Called with every step.
    var visit: (Model.Step) -> Void = { _ in }

    /// Searches, and prints the figures.
    func run() -> Outcome {
        var search = Search(model: model, keepsEdges: checksProgress, visit: visit)
        let start = ContinuousClock.now
        let outcome = search.run(limit: limit)
        let hundredths = Int((ContinuousClock.now - start) / .milliseconds(10))
        print(
            "FIGURE model \(model.name): states \(outcome.states), transitions "
                + "\(outcome.transitions), depth \(outcome.depth), "
                + "seconds \(Double(hundredths) / 100)"
                + (outcome.isCutShort ? ", cut short" : "")
                + (outcome.counterexample.map { ", counterexample \($0.steps.count)" } ?? ""))
        return outcome
    }
}

/// One search. A state is known by its number; `parents` lead back to the first.
private struct Search<Model: StateModel> {
    let model: Model
    let keepsEdges: Bool
    let visit: (Model.Step) -> Void
    private var states: [Model.State] = []
    private var parents: [Int32] = []
    private var numbers: [Model.State: Int32] = [:]
    private var edges: [(from: Int32, to: Int32)] = []

    init(model: Model, keepsEdges: Bool, visit: @escaping (Model.Step) -> Void) {
        self.model = model
        self.keepsEdges = keepsEdges
        self.visit = visit
    }

    mutating func run(limit: Int) -> Explorer<Model>.Outcome {
        var outcome = Explorer<Model>.Outcome()
        add(model.initial, from: 0)
        let model = model
        var next = 0
        var wrong = model.violation(in: model.initial).map { (0, $0) }
        while wrong == nil, next < states.count, states.count < limit {
            let state = states[next]
            model.forEachStep(from: state) { step, successor in
                outcome.transitions += 1
                visit(step)
                let known = numbers[successor]
                let number = known ?? add(successor, from: next)
                if keepsEdges, model.isOrdinary(step) { edges.append((Int32(next), number)) }
                guard known == nil, wrong == nil else { return }
                wrong = model.violation(in: successor).map { (Int(number), $0) }
            }
            next += 1
        }
        outcome.states = states.count
        outcome.isCutShort = wrong == nil && next < states.count
        if keepsEdges, wrong == nil, !outcome.isCutShort {
            wrong = firstWithoutGoal().map { ($0, "There is no way on") }
        }
        outcome.depth = path(to: states.count - 1).count - 1
        outcome.counterexample = wrong.map { counterexample($0.1, at: $0.0) }
        return outcome
    }

    @discardableResult
    private mutating func add(_ state: Model.State, from parent: Int) -> Int32 {
        let number = Int32(states.count)
        numbers[state] = number
        states.append(state)
        parents.append(Int32(parent))
        return number
    }

    /// The state closest to the first from which no goal can be reached, if there is one.
    private func firstWithoutGoal() -> Int? {
        var before = [[Int32]](repeating: [], count: states.count)
        for edge in edges { before[Int(edge.to)].append(edge.from) }
        var reaches = states.map { model.isGoal($0) }
        var open = reaches.indices.filter { reaches[$0] }
        while let number = open.popLast() {
            for earlier in before[number] where !reaches[Int(earlier)] {
                reaches[Int(earlier)] = true
                open.append(Int(earlier))
            }
        }
        return reaches.firstIndex(of: false)
    }

    private func path(to number: Int) -> [Int] {
        var path = [number]
        while let last = path.last, last != 0 { path.append(Int(parents[last])) }
        return path.reversed()
    }

    private func counterexample(_ violation: String, at number: Int)
        -> Explorer<Model>.Counterexample
    {
        let path = path(to: number)
        let steps = zip(path, path.dropFirst()).map { from, to in
            var name = ""
            model.forEachStep(from: states[from]) { step, successor in
                if name.isEmpty, successor == states[to] { name = step.description }
            }
            return (step: name, state: model.describe(states[to]))
        }
        return .init(violation: violation, initial: model.describe(states[0]), steps: steps)
    }
}

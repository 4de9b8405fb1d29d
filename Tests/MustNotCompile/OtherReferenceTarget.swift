// A reference's type includes that of its target.
import Holdfast

struct Node: PersistableRecord { var value: Int; var next: Ref<Node>? }
struct Leaf: PersistableRecord { var value: Int }

func use(_ node: Ref<Node>, _ leaf: Ref<Leaf>) {
    // expected: cannot assign value of type 'Ref<Leaf>' to type 'Ref<Node>'
    node.next = leaf
}

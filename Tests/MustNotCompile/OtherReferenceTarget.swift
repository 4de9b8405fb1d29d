// A reference's type includes that of its target.
import Holdfast

struct Node: HeapRecord { var value: Int; var next: HeapRef<Node>? }
struct Leaf: HeapRecord { var value: Int }

func use(_ node: HeapRef<Node>, _ leaf: HeapRef<Leaf>) {
    // expected: cannot assign value of type 'HeapRef<Leaf>' to type 'HeapRef<Node>'
    node.next = leaf
}

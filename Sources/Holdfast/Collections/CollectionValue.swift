/// A collection of Swift, which is stored as one of Holdfast's and described as that. So a
/// description stands for the persistent collection, never for the value.
protocol CollectionValue {}

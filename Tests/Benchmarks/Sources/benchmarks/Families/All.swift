/// All that can be measured, in the order of the table. Keys, sizes and orders are the same for
/// every system.
func allFamilies(long: Bool) -> [Family] {
    MapFamilies<UInt64>(kind: "map", size: "1e4", count: 10_000).families
        + MapFamilies<UInt64>(kind: "map", size: "1e6", count: 1_000_000).families
        + MapFamilies<String>(kind: "map", size: "1e4", count: 10_000).families
        + MapFamilies<String>(kind: "map", size: "1e6", count: 1_000_000).families
        + MapFamilies<UInt64>(kind: "sorted", size: "1e4", count: 10_000).families
        + MapFamilies<UInt64>(kind: "sorted", size: "1e6", count: 1_000_000).families
        + MapFamilies<String>(kind: "sorted", size: "1e6", count: 1_000_000).families
        + [arrayFamily, recordFamily, blockFamily, sharedBlockFamily] + transactionFamilies
        + recordMixFamilies
        + durabilityFamilies + sharingFamilies + [readerFamily, neighbourFamily(long: long)]
        + openingFamilies + buildingFamilies + sizeFamilies
        + (long ? longMaps + largeFamilies : [])
}

/// Minutes and gigabytes each.
private var longMaps: [Family] {
    MapFamilies<UInt64>(kind: "map", size: "1e7", count: 10_000_000).families
        + MapFamilies<String>(kind: "map", size: "1e7", count: 10_000_000).families
        + MapFamilies<UInt64>(kind: "sorted", size: "1e7", count: 10_000_000).families
}

/// Recognises file systems that other machines can use too, by their numbers and by their mounts.
///
/// Pure functions of the system's answers, so that tests can use file systems that this machine
/// does not have.
package enum NetworkMounts {
    /// ext2 to ext4, XFS, Btrfs, tmpfs, ramfs, F2FS, ZFS, bcachefs, JFS, ReiserFS, NILFS, exFAT,
    /// FAT, NTFS (two), HFS+, SquashFS, EROFS, ISO 9660, UDF, eCryptfs.
    private static let locals: Set<UInt32> = [
        0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x8584_58f6, 0xf2f5_2010, 0x2fc1_2fc1,
        0xca45_1a4e, 0x3153_464a, 0x5265_4973, 0x3434, 0x2011_bab0, 0x4d44, 0x5346_544e,
        0x7366_746e, 0x482b, 0x7371_7368, 0xe0f5_e1e2, 0x9660, 0x1501_3346, 0xf15f,
    ]

    /// The numbers of `statfs(2)`.
    package static func kind(ofMagic magic: UInt32) -> FileSystemKind {
        switch magic {
        case 0x6969: .network("NFS")
        case 0xff53_4d42: .network("CIFS")
        case 0xfe53_4d42: .network("SMB2")
        case 0x517b: .network("SMB")
        case 0x5346_414f, 0x6b41_4653: .network("AFS")
        case 0x0102_1997: .network("9P")
        case 0x00c3_6400: .network("Ceph")
        case 0x7375_7245: .network("Coda")
        case 0x0bd0_0bd0: .network("Lustre")
        case 0x0116_1970: .network("GFS2")
        case 0x7461_636f: .network("OCFS2")
        case 0x4750_4653: .network("GPFS")
        case 0x1983_0326: .network("BeeGFS")
        case 0x2003_0528: .network("OrangeFS")
        case 0xaad7_aaea: .network("PanFS")
        case 0xbeef_dead: .network("StorNext")
        case 0x6163_6673: .network("ACFS")
        case 0xbacb_acbc: .network("a shared folder of VMware")
        case 0x786f_4256: .network("a shared folder of VirtualBox")
        case 0x1980_0202: .network("a cluster file system")
        case 0x6573_5546: .unknown("FUSE")
        case 0x794c_7630: .layered
        default: locals.contains(magic) ? .local : .unknown("unknown type")
        }
    }

    /// The kind of a file system by the type of its mount, such as `fuse.glusterfs`.
    package static func kind(ofMountType type: String) -> FileSystemKind {
        let parts = type.split(separator: ".", maxSplits: 1)
        if parts.count == 2, parts[0] == "fuse" || parts[0] == "fuseblk" {
            return networksInUserSpace.contains(parts[1])
                ? .network("FUSE: \(parts[1])") : .unknown("FUSE: \(parts[1])")
        }
        if type == "fuse" || type == "fuseblk" { return .unknown("FUSE") }
        return networks.contains(type) ? .network(type) : .unknown(type)
    }

    /// Types of mounts of which other machines, or the host of this virtual one, can have another.
    private static let networks: Set<String> = [
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "prl_fs", "pvfs2", "smb3",
        "smbfs", "vboxsf", "virtiofs", "vmhgfs",
    ]

    private static let networksInUserSpace: Set<Substring> = [
        "afs_fuse", "beegfs", "ceph", "ceph-fuse", "curlftpfs", "cvmfs2", "davfs", "gcsfuse",
        "glusterfs", "goofys", "grpcfuse", "juicefs", "lizardfs", "mfs", "moosefs", "orangefs",
        "osxfs", "quobyte", "rclone", "s3fs", "seaweedfs", "sshfs", "vmhgfs-fuse", "weed",
        "xtreemfs",
    ]

    /// The kind by both answers, and the name with the place of the mount. The list of mounts
    /// tells more than the number where that is unknown or stands for many.
    package static func kind(ofMagic magic: UInt32, _ mount: Mount?) -> FileSystemKind {
        let byMagic = kind(ofMagic: magic)
        guard let mount, byMagic != .local, byMagic != .layered else { return byMagic }
        let place = " at \(mount.place)"
        switch (byMagic, kind(ofMountType: mount.type)) {
        case (.network(let name), _), (_, .network(let name)): return .network(name + place)
        case (_, .unknown(let name)): return .unknown(name + place)
        case (_, .local), (_, .layered): return byMagic
        }
    }

    /// A line of `/proc/self/mountinfo`.
    package struct Mount: Equatable {
        package var type: String
        package var place: String

        package init(type: String, place: String) {
            self.type = type
            self.place = place
        }
    }

    /// The mount of this device according to `/proc/self/mountinfo`; nil if it is not listed.
    package static func mount(major: UInt32, minor: UInt32, in mounts: String) -> Mount? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            // The fields before the hyphen vary in number.
            guard fields.count > 6, fields[2] == "\(major):\(minor)",
                let hyphen = fields.firstIndex(of: "-"),
                hyphen + 1 < fields.count
            else { continue }
            let place = fields[4].replacing("\\040", with: " ")
            return Mount(type: String(fields[hyphen + 1]), place: String(place))
        }
        return nil
    }
}
